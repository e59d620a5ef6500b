const { TestEnvironment } = require('jest-environment-node');

/**
 * Tests run in a realm of their own, where an error of Node's sockets is no `instanceof Error`. Libraries ask
 * just that, and then take a lost connection for an answer. Here the realm's Error is Node's.
 */
class NodeErrors extends TestEnvironment {
	constructor(...given) {
		super(...given);
		this.global.Error = Error;
	}
}

module.exports = NodeErrors;
