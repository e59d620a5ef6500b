import type { Channel, ChannelRegistry } from './channel.port.ts';

/** The channels of an engine, in the order given. */
export function createChannelRegistry(channels: readonly Channel[]): ChannelRegistry {
	const byName = new Map<string, Channel>();
	for (const channel of channels) {
		if (byName.has(channel.name)) throw new Error(`two channels are named "${channel.name}"`);
		byName.set(channel.name, channel);
	}
	const list = Object.freeze([...channels]);
	return { get: (name) => byName.get(name), list: () => list };
}
