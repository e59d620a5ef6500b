import type { IDataObject } from 'n8n-workflow';

/** The parts of the engine's RequestEnvelope that the trigger hands on. */
export interface Envelope extends IDataObject {
	requestId: string;
	attempt: number;
	epoch: number;
	capability: string;
	parameters: IDataObject;
	deadline: string;
	schedule?: {
		id: string;
		name: string | null;
		nominalAt: string | null;
		dueAt: string;
		firedAt: string;
		timeZone: string;
		late: boolean;
		trigger: string;
	};
	window?: { start: string | null; end: string };
	/** Of the run before that succeeded: its result's size, rows and hash. Null where there is none. */
	previous?: IDataObject | null;
	callback?: { url: string; heartbeatUrl: string; token: string };
}

interface OccurrenceContext {
	/** Of the workflow, for a run that no schedule made. */
	timeZone: string;
	withSession: boolean;
}

/** What the workflow begins with. */
export function occurrenceOf(
	envelope: Envelope,
	{ timeZone: fallbackZone, withSession }: OccurrenceContext,
): IDataObject {
	const { schedule, callback, previous = null } = envelope;
	const timeZone = schedule?.timeZone ?? fallbackZone;
	const nominalAt = schedule?.nominalAt ?? schedule?.dueAt ?? null;
	const { requestId: runId, attempt, deadline, parameters, window } = envelope;
	return {
		runId,
		scheduleId: schedule?.id ?? null,
		scheduleName: schedule?.name ?? null,
		trigger: schedule?.trigger ?? 'api',
		nominalAt,
		dueAt: schedule?.dueAt ?? null,
		firedAt: schedule?.firedAt ?? null,
		late: schedule?.late ?? false,
		timeZone,
		local: nominalAt === null ? null : localParts(nominalAt, timeZone),
		window: window ?? null,
		attempt,
		deadline,
		parameters,
		previous,
		// its token ends the run: nobody has it who does not need it
		...(callback === undefined || !withSession
			? {}
			: { session: { runId, token: callback.token } }),
	};
}

/** The wall clock in the schedule's zone, in parts that need no parsing. */
function localParts(instant: string, timeZone: string): IDataObject {
	const parts = new Intl.DateTimeFormat('en-US', {
		timeZone,
		hourCycle: 'h23',
		weekday: 'long',
		year: 'numeric',
		month: '2-digit',
		day: '2-digit',
		hour: '2-digit',
		minute: '2-digit',
		second: '2-digit',
		timeZoneName: 'longOffset',
	}).formatToParts(new Date(instant));
	const part = (type: string): string => parts.find((p) => p.type === type)?.value ?? '';
	const date = `${part('year')}-${part('month')}-${part('day')}`;
	const time = `${part('hour')}:${part('minute')}:${part('second')}`;
	const offset = part('timeZoneName').replace('GMT', '') || '+00:00';
	return {
		iso: `${date}T${time}${offset}`,
		date,
		time,
		year: Number(part('year')),
		month: Number(part('month')),
		day: Number(part('day')),
		hour: Number(part('hour')),
		minute: Number(part('minute')),
		second: Number(part('second')),
		weekday: part('weekday'),
	};
}

/** @throws Error when the body is not what the engine sends */
export function readEnvelope(body: Buffer): Envelope {
	const value = JSON.parse(body.toString('utf8')) as Partial<Envelope> | null;
	if (typeof value?.requestId !== 'string') throw new Error('no RequestEnvelope');
	return { ...value, parameters: value.parameters ?? {} } as Envelope;
}
