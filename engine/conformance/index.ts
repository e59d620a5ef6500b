/*
 * The promises that every adapter is held to, for plug-ins: with the test runner of their choice.
 *
 *   import { describe, it } from 'node:test';
 *   import { exerciseFormat, FormatBench } from 'capscheduler/conformance';
 *   exerciseFormat({ describe, it }, new FormatBench(format, { countRows: (text) => ... }));
 */
export { exerciseFormat, FormatBench } from './formats.ts';
export type { FormatUnderTest, Runner } from './formats.ts';
export { generatedInput, inputOf, META, renderToBytes, renderToText } from './format-input.ts';
export { NASTY_NUMBERS, NASTY_ROWS, NASTY_TEXTS, typedRows } from './nasty-rows.ts';
