const { dest, parallel, src } = require('gulp');

/** n8n reads these beside the compiled nodes and credentials; tsc does not copy them. */
const ASSETS = ['svg', 'png', 'json'];

/** Copies one folder's icons, codex (`*.node.json`) and `__schema__` files into dist/; no file is fine. */
function copyAssets(folder) {
	const task = () =>
		src(`${folder}/**/*.{${ASSETS.join(',')}}`, { allowEmpty: true, encoding: false }).pipe(
			dest(`dist/${folder}`),
		);
	return Object.assign(task, { displayName: `assets of ${folder}/` });
}

exports.default = parallel(copyAssets('nodes'), copyAssets('credentials'));
