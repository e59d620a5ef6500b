import type { CreateIndexesOptions, IndexSpecification } from 'mongodb';

import type { AGENDA_COLLECTION, CollectionName } from './database.ts';

/** An index, by its name; `where` keeps documents out that no query of it asks for. */
export interface Index {
	on: CollectionName | typeof AGENDA_COLLECTION;
	name: string;
	key: IndexSpecification;
	/** `partialFilterExpression`: makes an index smaller, and decides nothing. */
	where?: CreateIndexesOptions['partialFilterExpression'] & object;
}
