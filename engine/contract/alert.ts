/** What alerts are about; see docs/delivery.md. */
export const ALERT_KINDS = [
	'delivery_dead',
	'fallback_used',
	'circuit_open',
	'link_unused',
	'sla_at_risk',
] as const;
export type AlertKind = (typeof ALERT_KINDS)[number];
