/** What arrives one by one and is taken one by one, in either order. */
export class Inbox<T> {
	readonly all: T[] = [];
	#taken = 0;
	#waiting: (() => void)[] = [];

	push(item: T): void {
		this.all.push(item);
		for (const wake of this.#waiting.splice(0)) wake();
	}

	/** The first that was not taken yet, as soon as there is one. */
	async next(): Promise<T> {
		for (;;) {
			const item = this.all[this.#taken];
			if (this.#taken < this.all.length) {
				this.#taken++;
				return item as T;
			}
			await new Promise<void>((resolve) => this.#waiting.push(resolve));
		}
	}

	/** Resolves when that many have arrived in all. */
	async atLeast(count: number): Promise<T[]> {
		while (this.all.length < count) {
			await new Promise<void>((resolve) => this.#waiting.push(resolve));
		}
		return this.all;
	}
}
