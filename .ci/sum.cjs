// Sums up the stages of .ci/run: `<stage>.exit` holds a stage's exit code, `<stage>.json` Jest's report.
// Prints what failed, and last `N passed, N failed, N skipped`; exits with 1 if anything failed, or if a stage skipped tests. Runs on any Node >= 20.
const { existsSync, readFileSync, readdirSync } = require('node:fs');
const { join } = require('node:path');
const { stripVTControlCharacters } = require('node:util');

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
		tellFailed(stage, report);
	} else if (exitCode !== 0) {
		console.log(`failed: ${stage} (exit code ${exitCode})`);
	}
	sum.failed += failed === 0 && exitCode !== 0 ? 1 : failed;
}

// the last lines of a long log are what is read first
function tellFailed(stage, report) {
	for (const suite of report.testResults) {
		const tests = suite.assertionResults.filter(({ status }) => status === 'failed');
		if (tests.length === 0 && suite.status === 'failed') {
			console.log(`failed: ${stage}: ${suite.name}\n${inShort(suite.message)}`);
		}
		for (const { fullName, failureMessages } of tests) {
			console.log(`failed: ${stage}: ${fullName}\n${inShort(failureMessages.join('\n'))}`);
		}
	}
}

function inShort(message) {
	const lines = stripVTControlCharacters(message).split('\n');
	return lines
		.filter((line) => line.trim() !== '')
		.slice(0, 12)
		.map((line) => `    ${line.slice(0, 240)}`)
		.join('\n');
}

console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
process.exitCode = sum.failed === 0 ? 0 : 1;
