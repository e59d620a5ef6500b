export * from '../../engine/conformance/session-call.ts';
