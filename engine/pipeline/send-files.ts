import type { Channel, Parcel, SendOutcome } from '../channels/channel.port.ts';
import type { FileReceipt, Receipt } from '../contract/delivery.ts';
import { inputError } from '../contract/errors.ts';
import type { JsonObject } from '../contract/json.ts';
import type { Delivery, Run, SentArtifact } from '../contract/run.ts';
import type { RunSpec } from '../contract/schedule.ts';
import type { Duration } from '../contract/time.ts';
import type { Context } from './context.ts';
import type { Held } from './in-hand.ts';
import type { Sidecar } from './sidecars.ts';
import { DONE, sidecarsOf } from './sidecars.ts';

export interface Sending {
	channel: Channel;
	settings: JsonObject;
	parcel: Parcel;
	delivery: Delivery & { artifact: SentArtifact };
	held: Held;
	run: Run;
	spec: RunSpec;
}

/** Large artifacts need longer than small ones: a second more for every megabyte. */
export function timeoutOf(channel: Channel, parcel: Parcel): Duration {
	return channel.timeout + Math.ceil(parcel.size / 1_000_000) * 1000;
}

/** How long all files of a delivery may take, one after the other. */
export function patienceOf({ channel, parcel, delivery }: Omit<Sending, 'held'>): Duration {
	const { checksums = [], manifest, done } = delivery.target.sidecars ?? {};
	// a marker is also taken away before
	const small = checksums.length + (manifest === true ? 1 : 0) + (done === true ? 2 : 0);
	return timeoutOf(channel, parcel) + small * channel.timeout;
}

/** Sends the file, and once that is confirmed what goes beside it. Delivered is what has arrived with all of it. */
export async function sendFiles(ctx: Context, about: Sending): Promise<SendOutcome> {
	const { channel, delivery } = about;
	const { sidecars } = delivery.target;
	if (sidecars !== undefined && channel.abilities.files !== true) throw keepsNoFiles(channel);
	const stale = sidecars?.done === true ? await unmark(about) : null;
	const outcome = stale ?? (await sendFile(ctx, about));
	if (outcome.kind === 'failed') return outcome;
	const { contents } = delivery.artifact;
	const receipt: Receipt = { ...outcome.receipt, ...(contents === undefined ? {} : { contents }) };
	if (sidecars === undefined) return { kind: 'delivered', receipt };
	const { name = about.parcel.filename } = receipt;
	const files: NonNullable<Receipt['files']> = [{ role: 'data', name, ...partOf(receipt) }];
	for await (const sidecar of sidecarsOf(sidecars, { ...about, name })) {
		const sent = await sendFile(ctx, { ...about, parcel: sidecar.parcel });
		if (sent.kind === 'failed') return afterTheFile(sent, name, sidecar);
		files.push({
			role: sidecar.role,
			name: sent.receipt.name ?? sidecar.parcel.filename,
			...partOf(sent.receipt),
		});
	}
	return { kind: 'delivered', receipt: { ...receipt, files } };
}

/** While the file that a marker speaks of is being replaced there must be none. Null: there is none any more. */
async function unmark({ channel, settings, parcel, held }: Sending): Promise<SendOutcome | null> {
	const marker = { ...parcel, filename: `${parcel.filename}.${DONE}` };
	const { signal } = held;
	return (await channel.unmark?.(settings, marker, { signal, timeout: channel.timeout })) ?? null;
}

function partOf({ location, size, sha256, remote }: Receipt): FileReceipt {
	return { location, size, sha256, remote };
}

/** The next attempt finds the file, or sends it again, and goes on from there. */
function afterTheFile(
	failed: Extract<SendOutcome, { kind: 'failed' }>,
	name: string,
	{ parcel }: Sidecar,
): SendOutcome {
	const [file, beside] = [name, parcel.filename].map((one) => JSON.stringify(one));
	return { ...failed, message: `${file} has arrived, ${beside} has not: ${failed.message}` };
}

function keepsNoFiles({ name }: Channel) {
	return inputError('INVALID_REQUEST', {
		path: 'sidecars',
		expected: 'a destination whose channel keeps files',
		received: `"${name}"`,
	});
}

async function sendFile(
	ctx: Context,
	{ channel, settings, parcel, delivery, held }: Sending,
): Promise<SendOutcome> {
	const timeout = timeoutOf(channel, parcel);
	const stopTimer = ctx.clock.after(timeout + 1000, () => {
		held.abort('timeout');
	});
	try {
		const prepared = channel.prepare(settings, parcel);
		ctx.faults.hit('deliver.before');
		const outcome = await channel.send(prepared, settings, parcel, {
			signal: held.signal,
			attempt: delivery.attempt,
			timeout,
		});
		ctx.faults.hit('deliver.after');
		return outcome;
	} finally {
		stopTimer();
	}
}
