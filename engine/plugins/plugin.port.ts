import type { z } from 'zod';

import type { Channel } from '../channels/channel.port.ts';
import type { Clock } from '../clock.ts';
import type { Format } from '../formats/format.port.ts';
import type * as FormatKit from '../formats/kit.ts';
import type { Egress } from '../security/security.port.ts';
import type { SessionAdapter } from '../sessions/session.port.ts';

/** What a plug-in gets from the engine, so that it needs no copy of its own. */
export interface PluginHost {
	/** The engine's zod: schemas of options and settings are made with it. */
	z: typeof z;
	clock: Clock;
	/** Every connection to the outside goes through it: it refuses what the operator did not allow. */
	egress: Egress;
	/** Columns with types, shared options, tables, text. */
	formats: typeof FormatKit;
}

export interface Plugin {
	/** For messages. */
	name: string;
	formats?: readonly Format[];
	channels?: readonly Channel[];
	sessions?: readonly SessionAdapter[];
}

/** The default export of a plug-in's package. */
export type PluginFactory = (host: PluginHost) => Plugin | Promise<Plugin>;
