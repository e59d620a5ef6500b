/** The npm name of this package: the prefix of its node types in n8n's workflows. */
export const PACKAGE_NAME = 'n8n-nodes-capscheduler';

/** The version of the engine's REST API that these nodes speak. */
export const ENGINE_API_VERSION = 'v1';
