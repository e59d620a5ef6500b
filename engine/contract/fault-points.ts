/** Places where a test can make the engine fail; see `engine/faults.ts`. Costs nothing when nothing is to fail. */
export interface FaultPoints {
	hit(point: string): void;
}
