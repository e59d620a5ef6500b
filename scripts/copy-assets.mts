/** Copies what the engine reads at run time and tsc does not emit (the dashboard, the demo's data) into engine/dist. */
import { cpSync, globSync } from 'node:fs';
import { join } from 'node:path';

const ENGINE = join(import.meta.dirname, '..', 'engine');
const ASSETS = '*/**/*.{html,css,js,svg,png,ico,woff2,ttf,json,sql,csv,txt}';
const NOT_SHIPPED = ['dist/**', 'bin/**', 'scripts/**', 'node_modules/**', '**/tsconfig*.json'];

for (const file of globSync(ASSETS, { cwd: ENGINE, exclude: NOT_SHIPPED })) {
	cpSync(join(ENGINE, file), join(ENGINE, 'dist', file));
}
