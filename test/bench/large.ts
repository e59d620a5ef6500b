export async function large(_: { megabytes: number; say: (text: string) => void }): Promise<string[]> {
	return [];
}
