// Sums up the stages of .ci/run: `<stage>.exit` holds a stage's exit code, `<stage>.json` Jest's report.
// Prints `N passed, N failed, N skipped`; exits with 1 if anything failed, or if a stage skipped tests. Runs on any Node >= 20.
const { existsSync, readFileSync, readdirSync } = require('node:fs');
const { join } = require('node:path');

const [, , folder] = process.argv;
const sum = { passed: 0, failed: 0, skipped: 0 };

for (const file of readdirSync(folder).filter((name) => name.endsWith('.exit'))) {
	const stage = file.slice(0, -'.exit'.length);
	const exitCode = Number(readFileSync(join(folder, file), 'utf8'));
	const reportPath = join(folder, `${stage}.json`);
	let failed = 0;
	if (existsSync(reportPath)) {
		const report = JSON.parse(readFileSync(reportPath, 'utf8'));
		// a file that did not even load names no test: it is one failure
		failed = report.numFailedTests + report.numRuntimeErrorTestSuites;
		sum.passed += report.numPassedTests;
		const skipped = report.numPendingTests + report.numTodoTests;
		sum.skipped += skipped;
		// what a skipped test would show is not shown: nothing may be skipped here
		if (skipped > 0) failed += 1;
	}
	sum.failed += failed === 0 && exitCode !== 0 ? 1 : failed;
}

console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
process.exitCode = sum.failed === 0 ? 0 : 1;
