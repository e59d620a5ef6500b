import type { Labels } from './observe.port.ts';

/** All series of one name. */
export interface Family {
	/** A counter adds `value`; a histogram sorts it into its buckets. */
	add(labels: Labels | undefined, value: number): void;
	render(): string;
}

/** Beyond this many series of one name, new ones are counted together: labels must not eat the memory. */
const MAX_SERIES = 2000;
const OVERFLOW: Labels = { overflow: 'true' };

interface Series {
	/** As the exposition shows them: `state="succeeded",channel="webhook"`. */
	labels: string;
	/** A counter's value, or a histogram's sum. */
	total: number;
	/** A histogram's observations by bucket (each only its own), the last beyond all bounds. */
	counts: number[];
}

/**
 * The way to a series, one label at a time: first its name, then its value. Looking up strings that are there
 * already costs a small part of joining them to a key (measured: 0.05 instead of 1.8 microseconds a count).
 */
interface Step {
	series: Series | undefined;
	next: Map<string, Map<string, Step>>;
}

function grow(from: Step, label: string, value: string): Step {
	const step: Step = { series: undefined, next: new Map() };
	const values = from.next.get(label);
	if (values === undefined) from.next.set(label, new Map([[value, step]]));
	else values.set(value, step);
	return step;
}

export function createFamily(options: {
	name: string;
	type: 'counter' | 'histogram';
	help: string;
	/** Upper bounds, rising; for histograms. */
	buckets?: readonly number[] | undefined;
}): Family {
	const { name, type, help, buckets } = options;
	const root: Step = { series: undefined, next: new Map() };
	const all: Series[] = [];

	function seriesOf(labels: Labels | undefined): Series {
		let step = root;
		for (const label in labels) {
			const value = labels[label] ?? '';
			const next = step.next.get(label)?.get(value);
			if (next === undefined && all.length >= MAX_SERIES && labels !== OVERFLOW) {
				return seriesOf(OVERFLOW);
			}
			step = next ?? grow(step, label, value);
		}
		if (step.series !== undefined) return step.series;
		step.series = {
			labels: labels === undefined ? '' : labelText(labels),
			total: 0,
			counts: buckets === undefined ? [] : zeros(buckets.length + 1),
		};
		all.push(step.series);
		return step.series;
	}

	return {
		add(labels, value) {
			const one = seriesOf(labels);
			one.total += value;
			if (buckets === undefined) return;
			let index = 0;
			while (index < buckets.length && value > (buckets[index] ?? 0)) index++;
			one.counts[index] = (one.counts[index] ?? 0) + 1;
		},
		render() {
			let text = `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
			for (const { labels, total, counts } of all) {
				text +=
					buckets === undefined
						? `${name}${braces(labels)} ${total}\n`
						: renderHistogram(name, { labels, total, counts, buckets });
			}
			return text;
		},
	};
}

function renderHistogram(
	name: string,
	{ labels, total, counts, buckets }: Series & { buckets: readonly number[] },
): string {
	const before = labels === '' ? '' : `${labels},`;
	let sum = 0;
	let text = '';
	for (const [index, count] of counts.entries()) {
		sum += count;
		text += `${name}_bucket{${before}le="${buckets[index] ?? '+Inf'}"} ${sum}\n`;
	}
	return `${text}${name}_sum${braces(labels)} ${total}\n${name}_count${braces(labels)} ${sum}\n`;
}

const zeros = (length: number): number[] => new Array<number>(length).fill(0);
const braces = (labels: string): string => (labels === '' ? '' : `{${labels}}`);

/** In the order in which the caller names them, which is the same at every call of one place. */
function labelText(labels: Labels): string {
	let text = '';
	for (const name in labels) {
		text += `${text === '' ? '' : ','}${name}="${escapeValue(labels[name] ?? '')}"`;
	}
	return text;
}

const NEEDS_ESCAPE = /["\\\n]/;

function escapeValue(value: string): string {
	if (!NEEDS_ESCAPE.test(value)) return value;
	return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
