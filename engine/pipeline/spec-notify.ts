import type { NotifySpec } from '../contract/delivery.ts';
import { notifyInputSchema } from '../contract/delivery.ts';
import type { Destination } from '../contract/destination.ts';
import { inputError } from '../contract/errors.ts';
import type { ScheduleInput } from '../contract/schedule.ts';
import type { Context } from './context.ts';
import type { GeneratedSecrets } from './spec-parts.ts';

export interface NotifyTools {
	ctx: Pick<Context, 'egress' | 'sealing' | 'signer'>;
	/** Those that are made are put in. */
	secrets: GeneratedSecrets;
	/** @throws CapError DESTINATION_UNKNOWN */
	destinationOf(this: void, idOrName: string, path: string): Promise<Destination>;
	/** Whose a sealed field is. */
	seal(this: void, field: string): Parameters<Context['sealing']['seal']>[1];
}

/**
 * Who is told of a run's end, and how.
 * @param wishes and, as `kept`, entries that stay: their keys are taken, for their secrets are sealed under them
 */
export async function compileNotify(
	tools: NotifyTools,
	wishes: Pick<ScheduleInput, 'notify' | 'callback' | 'policies'> & {
		kept?: readonly NotifySpec[];
	},
): Promise<NotifySpec[]> {
	const { notify, callback, policies, kept = [] } = wishes;
	const taken = new Set(kept.map(({ key }) => key));
	const wanted = notify.map((input, index) => ({ input, path: `notify[${index}]` }));
	if (callback !== undefined) {
		wanted.unshift({ input: notifyInputSchema.parse({ url: callback }), path: 'callback' });
	}
	const specs: NotifySpec[] = [];
	for (const { input, path } of wanted) {
		const key = freeKey(taken);
		const urlPath = path === 'callback' ? path : `${path}.url`;
		if (input.on.includes('sla_missed') && policies.sla === undefined) {
			throw inputError('INVALID_POLICIES', {
				path: `${path}.on`,
				expected: '"sla_missed" only together with policies.sla',
			});
		}
		if (input.destination !== undefined) {
			const place = `${path}.destination`;
			const { id } = await tools.destinationOf(input.destination, place);
			specs.push({ key, destination: id, on: input.on });
		} else if (input.url !== undefined) {
			await tools.ctx.egress.checkUrl(input.url, urlPath);
			const secret = signingSecret(tools, { given: input.secret, path });
			const sealedSecret = tools.ctx.sealing.seal(secret, tools.seal(`notify.${key}.secret`));
			const short = path === 'callback' ? { callback: true as const } : {};
			specs.push({ key, url: input.url, sealedSecret, ...short, on: input.on });
		}
	}
	return [...kept, ...specs];
}

function signingSecret(
	{ ctx, secrets }: NotifyTools,
	{ given, path }: { given: string | undefined; path: string },
): string {
	if (given === undefined) {
		const secret = ctx.signer.generateSecret();
		secrets[path === 'callback' ? path : `${path}.secret`] = secret;
		return secret;
	}
	if (!ctx.signer.isSecret(given)) {
		throw inputError('INVALID_REQUEST', {
			path: `${path}.secret`,
			expected: '"whsec_" and base64 of 24 to 64 bytes',
		});
	}
	return given;
}

/** The first of 0, 1, 2 … that is not taken; it is then. */
function freeKey(taken: Set<string>): string {
	for (let key = 0; ; key++) {
		if (taken.has(`${key}`)) continue;
		taken.add(`${key}`);
		return `${key}`;
	}
}
