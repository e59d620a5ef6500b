/** A document that is made from the code and checked in. */
export interface GeneratedFile {
	/** From the root of the repository. */
	path: string;
	text: string;
}
