import { expressionInterpreter } from 'vega-interpreter';
import * as vegaModule from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';

import { chartConfig } from './config.ts';
import type { ChartToDraw } from './protocol.ts';
import { textWidth } from './text-width.ts';

/** What the types of vega leave out. */
const vega = vegaModule as typeof vegaModule & {
	setRandom(random: () => number): void;
	randomLCG(seed: number): () => number;
	resetSVGDefIds(): void;
	textMetrics: { width: typeof textWidth };
};
vega.textMetrics.width = textWidth;

/** Nothing is loaded, whatever a specification says. */
const refuse = (): Promise<never> => Promise.reject(new Error('refused'));
const LOADER = { options: {}, load: refuse, sanitize: refuse, http: refuse, file: refuse };
const LOADS_NOTHING = 'charts load nothing: put the data into the rows or into `values`';

/** One chart as SVG; it looks the same whatever was drawn before it. @throws Error what is wrong with it */
export async function drawSvg({ spec, rows, look }: ChartToDraw): Promise<string> {
	vega.resetSVGDefIds();
	vega.setRandom(vega.randomLCG(1));
	const faults: Error[] = [];
	const logger = loggerInto(faults) as never;
	const config = chartConfig(look) as never;
	const compiled = compile(wholeSpec({ spec, rows, look }), { config, logger });
	const view = new vega.View(vega.parse(compiled.spec, {}, { ast: true }), {
		expr: expressionInterpreter,
		loader: LOADER,
		renderer: 'none',
		logger,
	});
	try {
		const svg = await view.toSVG();
		if (faults[0]) throw faults[0];
		return svg;
	} finally {
		view.finalize();
	}
}

function wholeSpec({ spec, rows, look }: ChartToDraw): TopLevelSpec {
	const { datasets } = spec;
	const own = typeof datasets === 'object' && !Array.isArray(datasets) ? datasets : {};
	const whole = {
		// a chart of several views lays itself out: only one view takes the size of the page
		...('mark' in spec || 'layer' in spec ? { width: look.width, height: look.height } : {}),
		autosize: { type: 'fit', contains: 'padding' },
		...(spec['data'] === undefined ? { data: { name: 'rows' } } : {}),
		...spec,
		datasets: { ...own, rows },
	};
	return whole as unknown as TopLevelSpec;
}

/** Keeps errors, and that something was to be loaded: the picture would lack it. */
function loggerInto(faults: Error[]): object {
	const logger = {
		level: () => logger,
		info: () => logger,
		debug: () => logger,
		warn(...messages: readonly unknown[]) {
			if (messages[0] === 'Loading failed') faults.push(new Error(LOADS_NOTHING));
			return logger;
		},
		error(...messages: readonly unknown[]) {
			const [first] = messages;
			faults.push(first instanceof Error ? first : new Error(messages.map(String).join(' ')));
			return logger;
		},
	};
	return logger;
}
