import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { differencesOf } from '../support/cron-differences.ts';
import { cronPattern } from '../support/cron-arbitrary.ts';
import type { PeerAnswer, PeerQuestion } from '../support/cron-peers.ts';
import { iso, ourAnswer } from '../support/cron-peers.ts';
import { pythonEnv } from './python-env.ts';

const run = promisify(execFile);

/** Reads questions from a file and prints an answer each: a list of seconds, or null where it refuses. */
const ASK = `
import json, sys
from datetime import datetime, timezone
from zoneinfo import ZoneInfo
from cronsim import CronSim, CronSimError
answers = []
for question in json.load(open(sys.argv[1])):
    begin = datetime.fromtimestamp(question["from"] / 1000, timezone.utc)
    try:
        walk = CronSim(question["pattern"], begin.astimezone(ZoneInfo(question["zone"])))
        answers.append([round(next(walk).timestamp()) * 1000 for _ in range(question["count"])])
    except (CronSimError, StopIteration):
        answers.append(None)
print(json.dumps(answers))
`;

/** Their rules have been the same for years: Python brings zone data of its own, which may be of another age. */
const ZONES = [
	...['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Asia/Tokyo'],
	...['Australia/Lord_Howe', 'Pacific/Chatham', 'Asia/Kathmandu', 'America/St_Johns'],
];

describe('the Python package cronsim', () => {
	let python: string;
	let folder: string;

	beforeAll(async () => {
		folder = await mkdtemp(join(tmpdir(), 'capscheduler-cronsim-'));
		python = join(await pythonEnv('cronsim', ['cronsim==2.8', 'tzdata==2026.6']), 'python');
	}, 120_000);
	afterAll(async () => {
		await rm(folder, { recursive: true, force: true });
	});

	async function ask(questions: readonly PeerQuestion[]): Promise<PeerAnswer[]> {
		await writeFile(join(folder, 'ask.py'), ASK);
		await writeFile(join(folder, 'questions.json'), JSON.stringify(questions));
		const { stdout } = await run(python, ['ask.py', 'questions.json'], {
			cwd: folder,
			maxBuffer: 64 * 1024 * 1024,
		});
		return (JSON.parse(stdout) as (number[] | null)[]).map((answer) => answer ?? 'refused');
	}

	async function expectSame(questions: readonly PeerQuestion[]): Promise<number> {
		const answers = await ask(questions);
		let compared = 0;
		questions.forEach((question, index) => {
			const theirs = answers[index] ?? 'refused';
			const ours = ourAnswer(question);
			if (differencesOf('cronsim', question, { theirs, ours }).length > 0) return;
			compared++;
			expect({ ...question, next: theirs === 'refused' ? theirs : iso(theirs) }).toEqual({
				...question,
				next: iso(ours),
			});
		});
		return compared;
	}

	it('gives the same instants for random patterns in zones of all kinds, but for what is listed', async () => {
		const questions = fc.sample(
			fc.tuple(
				cronPattern({ day: 28 }),
				fc.constantFrom(...ZONES),
				fc.integer({ min: Date.UTC(2026, 0) / 60_000, max: Date.UTC(2035, 0) / 60_000 }),
			),
			{ numRuns: 1000 },
		);
		const compared = await expectSame(
			questions.map(([{ text }, zone, minute]) => ({
				...{ pattern: text, zone },
				...{ from: minute * 60_000, count: 6 },
			})),
		);
		expect(compared).toBeGreaterThan(500);
	}, 120_000);

	it('gives the same instants over the clock changes of Berlin, but for what is listed', async () => {
		const questions = [Date.UTC(2027, 2, 28), Date.UTC(2027, 9, 31)].flatMap((from) =>
			['0', '30', '*/15', '10,50', '*'].flatMap((minute) =>
				['*', '1', '2', '3', '1-3', '0,2', '*/2', '9'].map((hour) => ({
					...{ pattern: `${minute} ${hour} * * *`, zone: 'Europe/Berlin' },
					...{ from, count: 12 },
				})),
			),
		);
		expect(await expectSame(questions)).toBeGreaterThan(40);
	}, 120_000);
});
