/** What a rendered file does not show of its result; NULL: it shows all. */
export const NOTICES = `
ALTER TABLE artifacts ADD COLUMN notices TEXT;
`;
