import { useCompileCache } from './compile-cache.ts';

// a reader that has seen enough (`| head`) is no error
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
	process.exit(error.code === 'EPIPE' ? 0 : 1);
});

useCompileCache();
const { runCli } = await import('./program.ts');
const code = await runCli(process.argv.slice(2));

// Everything is closed by now, but Agenda leaves a timer behind for every maintenance job: do not wait for it.
await Promise.all(
	[process.stdout, process.stderr].map((stream) => new Promise((done) => stream.write('', done))),
);
process.exit(code);
