import type { IDataObject, INodeProperties } from 'n8n-workflow';

/* How the file is packed, and what comes beside it: flat options of the node, nested steps of the engine. */

const key: INodeProperties['typeOptions'] = { rows: 4 };

export const packagingOptions: INodeProperties[] = [
	{
		displayName: 'Archive Format Names or IDs',
		name: 'archiveFormats',
		type: 'multiOptions',
		typeOptions: { loadOptionsMethod: 'getFormats' },
		default: [],
		description:
			'Formats of the same data that go into the zip archive too. Choose from the list, or specify IDs using an <a href="https://docs.n8n.io/code/expressions/">expression</a>.',
	},
	{
		displayName: 'Archive Password',
		name: 'archivePassword',
		type: 'string',
		typeOptions: { password: true },
		default: '',
		description:
			'Packs into a zip archive that is encrypted by AES-256; at least 8 characters of ASCII',
	},
	{
		displayName: 'Package',
		name: 'package',
		type: 'multiOptions',
		options: [
			{ name: 'Gzip', value: 'gzip', description: 'Makes report.csv.gz of report.csv' },
			{
				name: 'OpenPGP',
				value: 'pgp',
				description: 'Encrypts for the PGP recipients, signs with the PGP signing key, or both',
			},
			{ name: 'Zip', value: 'zip', description: 'An archive that holds the file' },
		],
		default: ['gzip'],
		description: 'How the file is packed before it is delivered, in the order of choice',
	},
	{
		displayName: 'PGP Armor',
		name: 'pgpArmor',
		type: 'boolean',
		default: false,
		description: 'Whether what OpenPGP makes is text (report.csv.asc) and not binary',
	},
	{
		displayName: 'PGP Passphrase',
		name: 'pgpPassphrase',
		type: 'string',
		typeOptions: { password: true },
		default: '',
		description: 'Of the PGP signing key',
	},
	{
		displayName: 'PGP Recipients',
		name: 'pgpRecipients',
		type: 'string',
		typeOptions: key,
		default: '',
		placeholder: 'e.g. -----BEGIN PGP PUBLIC KEY BLOCK-----',
		description: 'Public keys, armored, one after the other: each of them can decrypt the file',
	},
	{
		displayName: 'PGP Signing Key',
		name: 'pgpSigningKey',
		type: 'string',
		typeOptions: { ...key, password: true },
		default: '',
		description: 'A private key, armored, with which the file is signed',
	},
	{
		displayName: 'Sidecar Files',
		name: 'sidecars',
		type: 'multiOptions',
		options: [
			{ name: 'Manifest', value: 'manifest', description: 'What was delivered, as JSON' },
			{ name: 'Marker', value: 'done', description: 'An empty .done file that comes last' },
			{ name: 'MD5', value: 'md5', description: 'A checksum for md5sum -c' },
			{ name: 'SHA-256', value: 'sha256', description: 'A checksum for sha256sum -c' },
			{ name: 'SHA-512', value: 'sha512', description: 'A checksum for sha512sum -c' },
		],
		default: ['sha256'],
		description: 'Small files beside the file, for channels that keep files',
	},
];

export interface PackagingOptions {
	archiveFormats?: string[];
	archivePassword?: string;
	/** Of a workflow that was made when there was one only: its name. */
	package?: string | string[];
	pgpArmor?: boolean;
	pgpPassphrase?: string;
	pgpRecipients?: string;
	pgpSigningKey?: string;
	sidecars?: string[];
}

const PUBLIC_KEY =
	/-----BEGIN PGP PUBLIC KEY BLOCK-----[\s\S]*?-----END PGP PUBLIC KEY BLOCK-----/g;

/** The fields `package` and `sidecars` of a target; nothing where none was asked for. */
export function packagingOf(options: PackagingOptions): IDataObject {
	const steps = stepsOf(options).map((name) => {
		if (name === 'zip') return zipStep(options);
		return name === 'pgp' ? pgpStep(options) : name;
	});
	const { sidecars = [] } = options;
	const checksums = sidecars.filter((one) => one !== 'manifest' && one !== 'done');
	return {
		...(steps.length === 0 ? {} : { package: steps }),
		...(sidecars.length === 0
			? {}
			: {
					sidecars: {
						...(checksums.length === 0 ? {} : { checksums }),
						manifest: sidecars.includes('manifest'),
						done: sidecars.includes('done'),
					},
				}),
	};
}

/** Who gave a password or a key wants no plain file, whatever else was chosen. */
function stepsOf(options: PackagingOptions): string[] {
	const { archiveFormats = [], archivePassword, pgpRecipients, pgpSigningKey } = options;
	const chosen = [options.package ?? []].flat();
	const zipped = archivePassword || archiveFormats.length > 0 ? ['zip'] : [];
	const encrypted = pgpRecipients || pgpSigningKey ? ['pgp'] : [];
	return [...new Set([...chosen, ...zipped, ...encrypted])];
}

function zipStep({ archiveFormats = [], archivePassword }: PackagingOptions) {
	if (archiveFormats.length === 0 && !archivePassword) return 'zip';
	return {
		type: 'zip',
		...(archivePassword ? { password: archivePassword } : {}),
		...(archiveFormats.length === 0 ? {} : { files: archiveFormats.map((format) => ({ format })) }),
	};
}

function pgpStep({ pgpRecipients, pgpSigningKey, pgpPassphrase, pgpArmor }: PackagingOptions) {
	const keys = pgpRecipients?.match(PUBLIC_KEY) ?? [];
	// what is no key is sent as it is: the engine says what it expected
	const recipients = keys.length > 0 ? [...keys] : pgpRecipients ? [pgpRecipients] : [];
	return {
		type: 'pgp',
		...(recipients.length === 0 ? {} : { recipients }),
		...(pgpSigningKey ? { signingKey: pgpSigningKey } : {}),
		...(pgpPassphrase ? { passphrase: pgpPassphrase } : {}),
		...(pgpArmor === true ? { armor: true } : {}),
	};
}
