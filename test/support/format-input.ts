export * from '../../engine/conformance/format-input.ts';
