export * from '../../engine/conformance/parcels.ts';
