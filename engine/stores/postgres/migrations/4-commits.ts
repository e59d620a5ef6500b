import type { Migration } from '../migration.ts';

/** Version 4: the last commit of each writer, which tells what became of one whose reply was lost. */
export const COMMITS: Migration = {
	script: `
CREATE TABLE commit_marks (
	committer uuid PRIMARY KEY,
	xid bigint NOT NULL,
	at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
`,
};
