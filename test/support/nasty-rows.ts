export * from '../../engine/conformance/nasty-rows.ts';
