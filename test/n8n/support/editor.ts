import { join } from 'node:path';

import type { Locator, Page } from 'playwright-core';

import type { Browser } from '../../support/browser.ts';
import { openBrowser } from '../../support/browser.ts';
import { until } from './until.ts';
import type { World } from './world.ts';

/** Milliseconds until a list is opened once more. */
const OPENED_WITHIN = 5_000;

/** A person at n8n's editor, by what is seen and clicked there. */
export class Editor {
	readonly page: Page;
	readonly #browser: Browser;
	readonly #url: string;

	private constructor(browser: Browser, url: string) {
		this.#browser = browser;
		this.page = browser.page;
		this.#url = url;
	}

	/** A browser whose user is logged in. */
	static async open({ n8n }: World): Promise<Editor> {
		const browser = await openBrowser();
		const editor = new Editor(browser, n8n.url);
		try {
			await editor.#signIn(n8n.owner);
		} catch (error) {
			await browser.close();
			throw error;
		}
		return editor;
	}

	close(): Promise<void> {
		return this.#browser.close();
	}

	async #signIn({ email, password }: { email: string; password: string }): Promise<void> {
		await this.page.goto(`${this.#url}/signin`);
		await this.page.locator('input[name=emailOrLdapLoginId]').fill(email);
		await this.page.locator('input[type=password]').fill(password);
		await this.page.keyboard.press('Enter');
		await this.page.waitForURL(({ pathname }) => !pathname.includes('signin'));
	}

	byId(id: string): Locator {
		return this.page.locator(`[data-test-id="${id}"]`);
	}

	async newWorkflow(): Promise<void> {
		await this.page.goto(`${this.#url}/workflow/new`);
		await this.byId('canvas-add-button').waitFor();
	}

	async openWorkflow(id: string): Promise<void> {
		await this.page.goto(`${this.#url}/workflow/${id}`);
		await this.byId('canvas-node').first().waitFor();
	}

	/** By its name on the canvas. */
	node(name: string): Locator {
		return this.page.locator(`[data-test-id="canvas-node"][data-node-name="${name}"]`);
	}

	/** Puts a node behind the last one, or first on the empty canvas; its panel opens. */
	async addNode(type: string, action?: string): Promise<void> {
		const plus = this.byId('canvas-handle-plus').last();
		const first = this.byId('canvas-add-button');
		await first.or(plus).first().click();
		await this.byId('node-creator-search-bar').fill(type);
		await this.#listed(type).click();
		if (action !== undefined) await this.#listed(action).click();
		// of a community package n8n shows the details first
		else await this.#listed('Add to workflow').click();
		await this.byId('ndv').waitFor();
	}

	/** An entry of the node creator. */
	#listed(text: string): Locator {
		const exactly = this.page.getByText(text, { exact: true });
		return this.byId('item-iterator-item').filter({ has: exactly }).first();
	}

	/** Chooses one of a field's options by its name. */
	async choose(parameter: string, option: string): Promise<void> {
		const entry = this.page.getByRole('option', { name: option });
		await this.#chooseFrom(this.parameter(parameter), entry);
	}

	/** Waits until a field shows this. */
	async shows(parameter: string, text: RegExp): Promise<void> {
		await until(`${parameter} to show ${text.source}`, async () => {
			const field = this.parameter(parameter);
			const values = await field.locator('input').evaluateAll((inputs) =>
				// the editor's own type of it is not among those of Node
				inputs.map((input) => (input as unknown as { value: string }).value),
			);
			const seen = [await field.innerText(), ...values].join(' ');
			if (!text.test(seen)) throw new Error(seen);
			return true;
		});
	}

	/** "Execute workflow", until all nodes have succeeded. */
	async execute(): Promise<void> {
		await this.byId('execute-workflow-button').click();
		await this.page.getByText('Workflow executed successfully').first().waitFor();
	}

	/** "Publish", and the question that comes with it. */
	async publish(): Promise<void> {
		await this.byId('workflow-open-publish-modal-button').click();
		await this.byId('workflow-publish-button').click();
		await this.byId('workflow-publish-button').waitFor({ state: 'detached' });
		await this.page.getByText(/^Publishing/).waitFor({ state: 'hidden' });
	}

	/** What n8n says after something was done, in the way of everything else. */
	async closeDialogs(): Promise<void> {
		const dialog = this.page.locator('.el-overlay-dialog').filter({ visible: true });
		await until('no dialog to be open', async () => {
			if ((await dialog.count()) === 0) return true;
			await this.page.keyboard.press('Escape');
			return false;
		});
	}

	/** A field of what comes into the open panel, as it is or as it will be. */
	async showsInput(field: string): Promise<void> {
		await this.byId('ndv-input-panel').getByText(field, { exact: true }).waitFor();
	}

	/** The output of the open panel as JSON, once it shows this. */
	async showsOutput(text: string): Promise<void> {
		const output = this.byId('output-panel');
		await output.locator('[data-test-id=radio-button-json]').click();
		await output.getByText(text).first().waitFor();
	}

	/** For the eye: a picture of what is shown, if `CAPSCHEDULER_PICTURES` names a folder for them. */
	async picture(name: string): Promise<void> {
		const folder = process.env['CAPSCHEDULER_PICTURES'];
		if (folder === undefined) return;
		await this.page.screenshot({ path: join(folder, `${name}.png`), animations: 'disabled' });
	}

	/** Writes into a field of one line. */
	async write(parameter: string, text: string): Promise<void> {
		await this.parameter(parameter).locator('input, textarea').first().fill(text);
		// numbers count when they are left
		await this.page.keyboard.press('Tab');
	}

	/** Chooses from the list of a resource locator, which the engine gives. */
	async pick(parameter: string, name: string): Promise<void> {
		const field = this.byId(`resource-locator-${parameter}`).locator('input').last();
		await this.#chooseFrom(field, this.byId('rlc-item').filter({ hasText: name }));
	}

	/** A list that is loaded meanwhile closes again, so it is opened until there is what was looked for. */
	async #chooseFrom(field: Locator, entries: Locator): Promise<void> {
		const entry = entries.filter({ visible: true }).first();
		await until(`a list with ${String(entries)}`, async () => {
			if (!(await entry.isVisible())) {
				await field.click({ timeout: OPENED_WITHIN });
				await entry.waitFor({ timeout: OPENED_WITHIN });
			}
			await entry.click({ timeout: OPENED_WITHIN });
			return true;
		});
	}

	/** Opens a node's panel, and waits until it is there. */
	async openNode(name: string): Promise<Locator> {
		await this.node(name).dblclick();
		const panel = this.byId('ndv');
		await panel.waitFor();
		return panel;
	}

	async closeNode(): Promise<void> {
		await this.byId('ndv-close-button').click();
		await this.byId('ndv').waitFor({ state: 'detached' });
	}

	/** A field of the open panel. */
	parameter(name: string): Locator {
		// those of the settings tab are there, too, but hidden
		return this.byId(`parameter-input-${name}`).filter({ visible: true }).first();
	}
}
