import type { CalendarSources } from '../calendars/calendars.port.ts';
import type { Clock } from '../clock.ts';
import type { ChannelRegistry } from '../channels/channel.port.ts';
import type { EngineId, NewId } from '../contract/ids.ts';
import type { JsonValue } from '../contract/json.ts';
import type { Role } from '../contract/roles.ts';
import type { Duration } from '../contract/time.ts';
import type { FaultPoints } from '../contract/fault-points.ts';
import type { PackagingRegistry } from '../formats/packaging.port.ts';
import type { FindTables, FormatRegistry, ReadRows } from '../formats/format.port.ts';
import type { Metrics, Logger } from '../observe/observe.port.ts';
import type { Egress, Sealing, Signer, Tokens } from '../security/security.port.ts';
import type { ReadAnswer, SessionRegistry } from '../sessions/session.port.ts';
import type { Store } from '../stores/store.port.ts';
import type { PostSigned } from '../channels/channel.port.ts';
import type { Places } from './place.ts';
import type { Wake } from './wake.ts';

/** What the stages of the pipeline work with. Made once by the composition root. */
export interface Context {
	engineId: EngineId;
	store: Store;
	clock: Clock;
	newId: NewId;
	/** The version of the time zone data: `2026b`. */
	zoneData: string;
	/** Where the days of calendars come from. */
	calendars: CalendarSources;
	formats: FormatRegistry;
	readRows: ReadRows;
	findTables: FindTables;
	packagings: PackagingRegistry;
	channels: ChannelRegistry;
	sessions: SessionRegistry;
	readAnswer: ReadAnswer;
	/** Reads what is handed in to be formatted or delivered. */
	readUpload: ReadAnswer;
	egress: Egress;
	sealing: Sealing;
	signer: Signer;
	tokens: Tokens;
	/** Sends notifications. */
	postSigned: PostSigned;
	metrics: Metrics;
	log: Logger;
	faults: FaultPoints;
	/** Tells the loops that there may be work, and waiters that a run has ended. */
	wake: Wake;
	/** How many engines carry out runs, this one included: kept by the registry of engines, known roughly. */
	peers: { workers: number };
	/** Where deliveries go: circuits, limits, shares. */
	places: Places;
	settings: PipelineSettings;
}

export interface PipelineSettings {
	/** What this engine does; all of it unless several share the store. */
	roles: readonly Role[];
	/** Where clients reach this engine, without a trailing slash. Known once the port is bound. */
	publicUrl(): string;
	/** Schedules may not be due more often; default 1 s. */
	smallestInterval: Duration;
	maxResultBytes: number;
	/** Runs in flight at most in this engine. */
	concurrency: number;
	/** What a tenant's share of the hands is counted by; who is not in here has 1. */
	tenantWeights: ReadonlyMap<string, number>;
	/** Deliveries in flight at most in this engine. */
	deliveryConcurrency: number;
	/** Default 30 s. */
	lease: Duration;
	/** How long a notification waits for deliveries that are still being tried; default 5 min. */
	notifyAfter: Duration;
	/** How long SIGTERM waits for what is running; default 20 s. */
	drainWithin: Duration;
}

export function hasRole({ settings }: Pick<Context, 'settings'>, role: Role): boolean {
	return settings.roles.includes(role);
}

/** The answer to a POST as kept for repeats. */
export interface StoredResponse {
	status: number;
	headers: Record<string, string>;
	body: JsonValue;
}

/** A client's wish that this POST happens once; `respond` turns the answer into what is kept and sent. */
export interface OnceRequest<T> {
	key: string;
	/** SHA-256 of method, path and body. */
	fingerprint: string;
	respond(answer: T): StoredResponse;
}

export type Answered<T> =
	| { kind: 'done'; answer: T }
	/** An earlier request under the same key did it. */
	| { kind: 'replayed'; response: StoredResponse };
