/**
 * What the engine has to tell people: how a run ended, or an alert. Channels give it the form that their readers
 * know: a mail, a post in a chat, a JSON file.
 */
export interface Message {
	/** One line: `Daily sales failed`. */
	title: string;
	/** Whether it is what was hoped for. */
	tone: 'good' | 'bad';
	/** Names and values in order, each of one line. They may hold words of strangers: nothing in them is markup. */
	facts: readonly (readonly [name: string, value: string])[];
	/** Where the result can be pulled from. */
	link: { url: string; expiresAt: string | null } | null;
}
