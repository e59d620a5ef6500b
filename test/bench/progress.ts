/** Characters of the bar. */
const WIDTH = 24;
/** Where no terminal shows a bar, a line is written whenever so many percent more are done. */
const STEP = 25;

/**
 * A bar on standard error where that is a terminal, and now and then a line where it is not; standard output has
 * the results alone.
 */
export function createProgress(): (label: string, done: number, of: number) => void {
	const { stderr } = process;
	let shown = '';
	return (label, done, of) => {
		const percent = of === 0 ? 100 : Math.min(100, Math.floor((100 * done) / of));
		const filled = Math.round((percent * WIDTH) / 100);
		const bar = `${'#'.repeat(filled)}${'.'.repeat(WIDTH - filled)}`;
		if (stderr.isTTY) {
			stderr.write(`\r\u001b[K${percent < 100 ? `${bar} ${percent} % ${label}` : ''}`);
			return;
		}
		const step = `${label} ${percent - (percent % STEP)}`;
		if (step === shown || percent % STEP > STEP / 2) return;
		shown = step;
		stderr.write(`${bar} ${percent} % ${label}\n`);
	};
}
