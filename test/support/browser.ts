import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { BrowserContext, Page } from 'playwright-core';
import { chromium } from 'playwright-core';

/** Debian's; the scripts of the suites that need it install it. */
const EXECUTABLE = process.env['CAPSCHEDULER_CHROMIUM'] ?? '/usr/bin/chromium';

/** No GPU, and nothing that speaks to anybody by itself. */
const FLAGS = [
	'--no-sandbox',
	'--disable-gpu',
	'--disable-quic',
	'--no-first-run',
	'--disable-background-networking',
	'--disable-component-update',
	'--disable-sync',
];

/** Milliseconds for an element to come; far more than it takes on a busy machine. */
const WITHIN = 60_000;

export interface Browser {
	page: Page;
	close(): Promise<void>;
}

export interface BrowserOptions {
	viewport?: { width: number; height: number };
	/** Pixels of the screen for each of the page. */
	scale?: number;
	/** Beside the variables of this process. */
	env?: Readonly<Record<string, string>>;
}

/** A real Chromium with nothing in it, at a window of a laptop. */
export async function openBrowser(options: BrowserOptions = {}): Promise<Browser> {
	const { viewport = { width: 1440, height: 900 }, scale = 1, env = {} } = options;
	const profile = mkdtempSync(join(tmpdir(), 'capscheduler-chromium-'));
	const context: BrowserContext = await chromium.launchPersistentContext(profile, {
		executablePath: EXECUTABLE,
		args: FLAGS,
		headless: true,
		viewport,
		deviceScaleFactor: scale,
		env: { ...process.env, ...env },
		locale: 'en-US',
		timezoneId: 'Europe/Berlin',
	});
	context.setDefaultTimeout(WITHIN);
	const page = context.pages()[0] ?? (await context.newPage());
	return {
		page,
		async close() {
			await context.close();
			rmSync(profile, { recursive: true, force: true });
		},
	};
}
