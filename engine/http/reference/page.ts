export function referencePage(): string { return ''; }
export const referenceStyle = '';
