/**
 * The columns that a CSV header names, each once: `a,,a` becomes `a`, `column_2`, `a_2`. Who takes a
 * result in and who reads it again must come to the same names.
 */
export function uniqueNames(header: readonly string[]): string[] {
	const taken = new Set(header.filter((name) => name !== ''));
	const used = new Set<string>();
	return header.map((given, index) => {
		const base = given === '' ? `column_${index + 1}` : given;
		let name = base;
		// a name that stands in the header itself is not taken by a made one
		for (let n = 2; used.has(name) || (name !== given && taken.has(name)); n++)
			name = `${base}_${n}`;
		used.add(name);
		return name;
	});
}
