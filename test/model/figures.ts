import { CASES, LARGE_CASES } from './cases.ts';
import { explore } from './checker.ts';

/* Prints the table of docs/protocol.md: `node test/model/figures.ts [large]`. */

const rows = Object.entries(process.argv[2] === 'large' ? LARGE_CASES : CASES).map(
	([name, sizes]) => {
		const { states, transitions, depth, counterexample } = explore(sizes);
		if (counterexample !== undefined) throw new Error(`${name}: ${counterexample}`);
		const { engines, occurrences, policies, faults, acts } = sizes;
		const size = [engines, occurrences.length, policies?.attempts ?? 2, faults, acts].join(' | ');
		const figures = [states, transitions].map((n) => n.toLocaleString('en')).join(' | ');
		return `| ${name} | ${size} | ${figures} | ${depth} |`;
	},
);
process.stdout.write(`${rows.join('\n')}\n`);
