import type { Channel, ProbeStep } from '../channels/channel.port.ts';
import type { Actor } from '../contract/access.ts';
import type { DestinationTestInput, PlaceTestInput } from '../contract/destination.ts';
import { CapError } from '../contract/errors.ts';
import type { JsonObject } from '../contract/json.ts';
import { parseInput } from '../contract/zod-issues.ts';
import type { Duration, Instant } from '../contract/time.ts';
import { toIso } from '../contract/time.ts';
import type { Context } from './context.ts';
import { currentSettings } from './change-destination.ts';
import { findDestination, resetCircuit, withKeptSecrets } from './destinations.ts';
import { findChannel } from './spec-parts.ts';

/** A test is waited for by somebody at a screen. */
export const TEST_WITHIN: Duration = 60_000;
/** What a probe that does not listen to its signal gets beyond that. */
const GRACE: Duration = 2000;

type TestStep = Omit<ProbeStep, 'step'> & { step: ProbeStep['step'] | 'settings' };

export interface DestinationTest {
	ok: boolean;
	channel: string;
	steps: TestStep[];
	/** False: the channel has no test of its own, only the settings were checked. */
	probed: boolean;
	ms: Duration;
	at: Instant;
}

/** Tries a destination out, enabled or not, with its own settings or with others before they are saved. */
export async function testDestination(
	ctx: Context,
	actor: Actor,
	id: string,
	{ settings }: DestinationTestInput = {},
): Promise<DestinationTest> {
	const destination = await findDestination(ctx, actor, id);
	const channel = findChannel(ctx, destination.channel, 'channel');
	const given = { ...(settings ?? destination.settings) };
	const whole = withKeptSecrets(ctx, channel, given, destination);
	// as deliveries have them: the secret before the last is over after a day
	const test = await testPlace(ctx, channel, currentSettings(ctx, destination, whole));
	// it works again, as somebody just saw: what waits need not wait for a probe
	if (test.ok && test.probed && settings === undefined) await resetCircuit(ctx, destination);
	return test;
}

/** Tries out what is no destination yet. Secrets that a destination would be given are made up. */
export async function testNewPlace(ctx: Context, input: PlaceTestInput): Promise<DestinationTest> {
	return testPlace(ctx, findChannel(ctx, input.channel, 'channel'), input.settings);
}

/** @throws CapError INVALID_REQUEST when the settings are none of the channel's; all else is a step that failed */
async function testPlace(
	ctx: Context,
	channel: Channel,
	input: JsonObject,
): Promise<DestinationTest> {
	const at = ctx.clock.now();
	const begun = ctx.clock.monotonic();
	const elapsed = (): number => Math.max(0, Math.round(ctx.clock.monotonic() - begun));
	const parsed = parseInput(channel.settings, input, { path: 'settings' }) as JsonObject;
	const settings = { ...parsed, ...channel.generate?.(parsed) };
	const steps: TestStep[] = [];
	steps.push(await checkStep(channel, settings, elapsed));
	const probed = channel.probe !== undefined;
	if (steps[0]?.ok === true) await probe(ctx, channel, { settings, steps, elapsed });
	const ok = steps.every((step) => step.ok);
	return { ok, channel: channel.name, steps, probed, ms: elapsed(), at };
}

async function checkStep(
	channel: Channel,
	settings: JsonObject,
	elapsed: () => number,
): Promise<TestStep> {
	try {
		await channel.check(settings);
		return { step: 'settings', ok: true, ms: elapsed() };
	} catch (error) {
		if (!(error instanceof CapError)) throw error;
		const { code, message } = error;
		return { step: 'settings', ok: false, ms: elapsed(), code, detail: message };
	}
}

async function probe(
	ctx: Context,
	channel: Channel,
	about: { settings: JsonObject; steps: TestStep[]; elapsed: () => number },
): Promise<void> {
	if (channel.probe === undefined) return;
	const { settings, steps, elapsed } = about;
	const controller = new AbortController();
	const over = Promise.withResolvers<'over'>();
	const message = `not done within ${TEST_WITHIN / 1000} s`;
	const cancels = [
		ctx.clock.after(TEST_WITHIN, () => {
			controller.abort(new CapError('TIMEOUT', message, { retry: 'later' }));
		}),
		ctx.clock.after(TEST_WITHIN + GRACE, () => {
			over.resolve('over');
		}),
	];
	let ended = false;
	const report = (step: ProbeStep): void => {
		if (!ended) steps.push(step);
	};
	try {
		const end = await Promise.race([
			channel.probe(settings, { signal: controller.signal, report }),
			over.promise,
		]);
		// a probe that hears nothing: what it was doing is unknown, that it did not end is not
		if (end === 'over' && steps.every((step) => step.ok)) {
			report({ step: 'connect', ok: false, ms: elapsed(), code: 'TIMEOUT', detail: message });
		}
	} finally {
		ended = true;
		for (const cancel of cancels) cancel();
	}
}

export function presentTest({ at, ...test }: DestinationTest): JsonObject {
	return { ...test, steps: test.steps.map((step) => ({ ...step })), at: toIso(at) };
}
