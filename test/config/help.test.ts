import t from 'tap'
import { helpText } from '../../src/config/help.ts'
import { fileOption, listOption, switchOption, textOption } from '../../src/config/option.ts'

const TABLE = {
  cert: fileOption('Certificate.', { env: ['TLS_CERT', 'CERT'] }),
  strict: switchOption('Strict.', { short: 's' }),
  name: textOption('Name.', { short: 'n', env: [] }),
  names: listOption('Names.'),
}

t.test('help has the usage, what the command does and a row for each flag', async (t) => {
  t.equal(
    helpText('portcullis x [flags]', 'Does x.', TABLE),
    `Usage: portcullis x [flags]

Does x.

Flags (each also as PORTCULLIS_<FLAG> and as a key of the --config file):
  --cert FILE
        Certificate. [TLS_CERT, CERT]
  -s, --strict
        Strict.
  -n, --name TEXT
        Name.
  --names LIST
        Names.
`,
  )
})

t.test('a command without a configuration file has a heading of its own', async (t) => {
  t.match(helpText('u', 'a', TABLE, 'Flags:'), /^Usage: u\n\na\n\nFlags:\n {2}--cert FILE\n/)
})
