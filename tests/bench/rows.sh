# shellcheck shell=sh
# What run.sh measures: fills the stores, writes the table for `bench`, and measures sizes. Sourced, not run; runs where nothing
# of the developer's own is in the environment. A row is only written for a peer that is there.
# shellcheck disable=SC2154 # set by run.sh from the list of peers

tab=$(printf '\t')
# Between the variables of an environment, for paths may have blanks.
between=$(printf '\037')
token=a-token-of-52-characters-as-services-make-them-0010
pair="username=alice\\npassword=$token\\n"
azure=https://dev.azure.com/contoso
feed=https://pkgs.dev.azure.com/contoso/_packaging/feed/nuget/v3/index.json
dotnet=DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1${between}DOTNET_CLI_TELEMETRY_OPTOUT=1

# with ENVIRONMENT COMMAND...: runs it with these variables besides.
with() (
  variables=$1
  shift
  IFS=$between
  set -f
  # shellcheck disable=SC2086 # a list
  exec env $variables "$@"
)

# twenty COMMAND...: twenty pairs go into a store.
twenty() {
  n=1
  while [ $n -le 20 ]; do
    printf 'protocol=https\nhost=host%s.example.com\nusername=alice\npassword=a-token-of-52-characters-as-services-make-them-%04d\n\n' \
      $n $n | "$@" store >/dev/null
    n=$((n + 1))
  done
}

fill_stores() {
  vault=KEYFOB_HOME=$sandbox/vault${between}KEYFOB_STORE=vault
  service=KEYFOB_HOME=$sandbox/service${between}KEYFOB_STORE=secret-service
  git=$sandbox/bin/git-credential-keyfob
  file=$sandbox/home/.git-credentials
  socket=$sandbox/cache/socket
  # Never the network: the host is not looked at, and nobody is asked.
  alone=$dotnet${between}GCM_PROVIDER=generic${between}GCM_INTERACTIVE=0
  plain=$alone${between}GCM_CREDENTIAL_STORE=plaintext
  desktop=$alone${between}GCM_CREDENTIAL_STORE=secretservice${between}DISPLAY=:0
  {
    twenty with "$vault" "$git"
    for url in $azure https://github.com; do
      echo "$token" | with "$vault" "$sandbox/bin/keyfob" add "$url" --offline 2>/dev/null ||
        echo "$token" | with "$vault" "$sandbox/bin/keyfob" add "$url"
    done
    twenty "$store" --file="$file"
    cp "$file" "$sandbox/home/durable"
    awk 'BEGIN { for (n = 99999; n >= 0; n--) printf "https://alice:a-token-of-52-characters-as-services-make-them-%04d@host%d.example.com\n", n, n }' \
      >"$sandbox/home/large"
    twenty "$cache" --socket="$socket" --timeout=7200
    [ -z "$gcm" ] || twenty with "$plain" "$gcm"
    if [ -n "$ram" ]; then
      cp -R "$sandbox/vault" "$ram"
      cp "$file" "$ram/pairs"
      [ -z "$gcm" ] || cp -R "$sandbox/home/.gcm/store" "$ram/gcm"
    fi
    [ -z "$passhelper" ] || fill_pass
    if [ -n "${DBUS_SESSION_BUS_ADDRESS:-}" ]; then
      twenty with "$service" "$git"
      [ -z "$libsecret" ] || twenty "$libsecret"
      [ -z "$gcm" ] || twenty with "$desktop" "$gcm"
      [ -z "$pykeyring" ] || printf %s "$token" | "$pykeyring" set https://host10.example.com/simple/ alice
    fi
  } >&2
}

fill_pass() {
  gpg --batch --quiet --passphrase '' --quick-generate-key bench@example.com default default never
  pass init bench@example.com >/dev/null
  printf '%s\nalice\n' "$token" | pass insert -m host10 >/dev/null
  printf '[host10.example.com]\ntarget=host10\n' >"$sandbox/home/mapping.ini"
}

# shellcheck disable=SC2317,SC2329 # the trap calls it
end_servers() {
  "$cache" --socket="$socket" exit </dev/null 2>/dev/null || :
  gpgconf --kill all 2>/dev/null || :
}

# row ROUNDS NAME BAR STDIN EXPECTED ENVIRONMENT PROGRAM [ARGUMENT...]: a line of the table, of $case and $kind.
row() {
  # printf's %s keeps the backslashes, which bench reads.
  printf '%s' "$case$tab$kind"
  for cell; do printf '%s%s' "$tab" "$cell"; done
  printf '\n'
}

rows() {
  kind=once
  host='protocol=https\nhost=host10.example.com\n'
  case='get, hit (files)'
  row each 'keyfob, vault' - "$host\\n" "$pair" "$vault" "$git" get
  row each git-credential-store 0.55 "$host\\n" "$pair" x=x "$store" "--file=$file" get
  row each git-credential-cache - "$host\\n" "~password=$token" x=x "$cache" "--socket=$socket" get
  [ -z "$passhelper" ] || row some 'pass-git-helper' - "$host\\n" "~password=$token" x=x "$passhelper" -m "$sandbox/home/mapping.ini" get
  [ -z "$gcm" ] || row some 'Git Credential Manager, files' 0.01 "$host\\n" "~password=$token" "$plain" "$gcm" get

  # Apart from the peers: what those leave in the caches would be measured, too. What is wanted is said of the program that the
  # system's compiler and C library make; the other one shows how little is left.
  case='get, hit (beside programs that only read one file)'
  row each 'keyfob, vault' - "$host\\n" "$pair" "$vault" "$git" get
  [ -z "$cfloor" ] || row each 'floor: reads one file, in C, static' 1.3 "$host\\n" "$pair" x=x "$cfloor" "$sandbox/floor/answer"
  row each 'floor: the same in Rust, linked as keyfob is' - "$host\\n" "$pair" x=x "$sandbox/floor/bench-floor" "$sandbox/floor/answer"
  printf 'username=alice\npassword=%s\n' "$token" >"$sandbox/floor/answer"

  away='protocol=https\nhost=other.example.com\n'
  other="$away\\n"
  case='get, not ours (files)'
  row each 'keyfob, vault' - "$other" '' "$vault" "$git" get
  row each git-credential-store 0.5 "$other" '' x=x "$store" "--file=$file" get
  row each git-credential-cache - "$other" '' x=x "$cache" "--socket=$socket" get
  [ -z "$oauth" ] || row some git-credential-oauth - "$other" '!' x=x "$oauth" get
  [ -z "$passhelper" ] || row some pass-git-helper - "$other" '!' x=x "$passhelper" -m "$sandbox/home/mapping.ini" get
  [ -z "$gcm" ] || row some 'Git Credential Manager, files' 0.01 "$other" '!' "$plain" "$gcm" get

  case='store, unchanged (files)'
  row each 'keyfob, vault' - "$host$pair\\n" - "$vault" "$git" store
  row each git-credential-store - "$host$pair\\n" - x=x "$store" "--file=$file" store
  row each git-credential-cache - "$host$pair\\n" - x=x "$cache" "--socket=$socket" store
  [ -z "$gcm" ] || row some 'Git Credential Manager, files' 0.01 "$host$pair\\n" - "$plain" "$gcm" store

  another='username=alice\npassword=another-token\n'
  case='erase, of another token (files)'
  row each 'keyfob, vault' - "$host$another\\n" - "$vault" "$git" erase
  row each git-credential-store - "$host$another\\n" - x=x "$store" "--file=$file" erase
  row each git-credential-cache - "$host$another\\n" - x=x "$cache" "--socket=$socket" erase
  # It erases whatever the token is, so it is asked for what it does not have.
  [ -z "$gcm" ] || row some 'Git Credential Manager, files, which has none' 0.01 "$host$another\\n" - \
    "$plain${between}GCM_PLAINTEXT_STORE_PATH=$sandbox/home/gcm-none" "$gcm" erase

  # A new account is a secret and a record. Who does not sync leaves out what takes the time, so all are also compared where syncing
  # costs nobody anything; the bar for Git Credential Manager stands in both rows, because it was set for every row.
  new="protocol=https\\nhost=new{round}.example.com\\n$pair\\n"
  case='store, a new account, durable'
  row each 'keyfob, vault' - "$new" - "$vault" "$git" store
  row each 'floor: 2 x write, sync, rename, sync' 1.5 x - x=x "$sandbox/floor/bench-floor" durable 2 "$sandbox/floor"
  row each 'git-credential-store, which does not sync' - "$new" - x=x "$store" "--file=$sandbox/home/durable" store
  [ -z "$gcm" ] || row some 'Git Credential Manager, files, which does not sync' 0.01 "$new" - \
    "$plain${between}GCM_PLAINTEXT_STORE_PATH=$sandbox/home/gcm-new" "$gcm" store

  if [ -n "$ram" ]; then
    case='store, a new account (files in memory)'
    row each 'keyfob, vault' - "$new" - "KEYFOB_HOME=$ram/vault${between}KEYFOB_STORE=vault" "$git" store
    row each git-credential-store - "$new" - x=x "$store" "--file=$ram/pairs" store
    [ -z "$gcm" ] || row some 'Git Credential Manager, files' 0.01 "$new" - \
      "$plain${between}GCM_PLAINTEXT_STORE_PATH=$ram/gcm" "$gcm" store
  fi

  [ -z "${DBUS_SESSION_BUS_ADDRESS:-}" ] || { rows_of_keyring; rows_of_secret_service; }
  rows_of_flat
  rows_of_tools

  case='get, hit, 200 at the same time' kind=burst
  row some 'keyfob, vault' - "$host\\n" "$pair" "$vault" "$git" get
  row some git-credential-store 1.0 "$host\\n" "$pair" x=x "$store" "--file=$file" get
}

rows_of_secret_service() {
  case='get, hit (Secret Service)'
  row each 'keyfob, Secret Service' - "$host\\n" "$pair" "$service" "$git" get
  [ -z "$libsecret" ] || row each git-credential-libsecret 0.2 "$host\\n" "~password=$token" x=x "$libsecret" get
  row each git-credential-store - "$host\\n" "$pair" x=x "$store" "--file=$file" get
  [ -z "$gcm" ] || row some 'Git Credential Manager, Secret Service' 0.01 "$host\\n" "~password=$token" "$desktop" "$gcm" get

  case='get, not ours (Secret Service)'
  row each 'keyfob, Secret Service' - "$other" '' "$service" "$git" get
  [ -z "$libsecret" ] || row each git-credential-libsecret - "$other" '' x=x "$libsecret" get
  [ -z "$gcm" ] || row some 'Git Credential Manager, Secret Service' 0.01 "$other" '!' "$desktop" "$gcm" get

  case='store, unchanged (Secret Service)'
  row each 'keyfob, Secret Service' - "$host$pair\\n" - "$service" "$git" store
  [ -z "$libsecret" ] || row each git-credential-libsecret - "$host$pair\\n" - x=x "$libsecret" store
  [ -z "$gcm" ] || row some 'Git Credential Manager, Secret Service' 0.01 "$host$pair\\n" - "$desktop" "$gcm" store

  case='erase, of another token (Secret Service)'
  row each 'keyfob, Secret Service' - "$host$another\\n" - "$service" "$git" erase
  # They erase whatever the token is, so they are asked for what they do not have.
  [ -z "$libsecret" ] || row each 'git-credential-libsecret, which has none' - "$away$another\\n" - x=x "$libsecret" erase
  [ -z "$gcm" ] || row some 'Git Credential Manager, Secret Service, which has none' 0.01 "$away$another\\n" - "$desktop" "$gcm" erase

  # A few only: the keyring writes itself whole for each.
  case='store, a new account (Secret Service)'
  row some 'keyfob, Secret Service' - "$new" - "$service" "$git" store
  [ -z "$libsecret" ] || row some git-credential-libsecret - "$new" - x=x "$libsecret" store
  [ -z "$gcm" ] || row some 'Git Credential Manager, Secret Service' 0.01 "$new" - "$desktop" "$gcm" store
}

rows_of_keyring() {
  [ -n "$pykeyring" ] || return 0
  keyring_rows 'Secret Service' "$service"
  # It has no store of files of its own, so it is the same one.
  keyring_rows vault "$vault"
}

# keyring_rows STORE ENVIRONMENT: keyfob with that store, and Python's keyring with the Secret Service.
keyring_rows() {
  case="keyring get ($1)"
  row some "keyfob, as keyring, $1" - x "$token\\n" "$2" "$sandbox/bin/keyring" get https://host10.example.com/simple/ alice
  row some "Python's keyring, Secret Service" 0.02 x "$token\\n" PYTHON_KEYRING_BACKEND=keyring.backends.SecretService.Keyring \
    "$pykeyring" get https://host10.example.com/simple/ alice
}

# flat_row COUNT BAR: the wallet with so many; every one of them has host0.
flat_row() {
  row each "keyfob, wallet of $1" "$2" 'protocol=https\nhost=host0.example.com\n\n' \
    '~password=a-token-of-52-characters-as-services-make-them-0000' "KEYFOB_HOME=$bench/flat-$1${between}KEYFOB_STORE=vault" "$git" get
}

rows_of_flat() {
  case='get by the size of the wallet'
  flat_row 100000 -
  flat_row 1 1.2
  flat_row 100 1.2
  flat_row 10000 1.2
  row some 'git-credential-store, 100000 accounts' - 'protocol=https\nhost=host0.example.com\n\n' \
    '~password=a-token-of-52-characters-as-services-make-them-0000' x=x "$store" "--file=$sandbox/home/large" get
  case='list'
  row some 'keyfob, 10000 accounts' 300 x '~host9999.example.com' "KEYFOB_HOME=$bench/flat-10000${between}KEYFOB_STORE=vault" "$sandbox/bin/keyfob" list
}

rows_of_tools() {
  asked='protocol=https\nhost=dev.azure.com\npath=contoso/Project/_git/Repo\n\n'
  cargo='{"v":1,"registry":{"index-url":"sparse+https://pkgs.dev.azure.com/contoso/_packaging/f/Cargo/index/","name":"lab"},"kind":"get","operation":"read","args":[]}\n'
  case='cargo, and the same token to git'
  row each 'keyfob, to cargo' - "$cargo" '~{"Ok":{"kind":"get"' "$vault" "$sandbox/bin/cargo-credential-keyfob" --cargo-plugin
  row each 'keyfob, to git' 1.2 "$asked" "~password=$token" "$vault" "$git" get
  case='docker, and the same token to git'
  row each 'keyfob, to docker' - ghcr.io "~\"Secret\":\"$token\"" "$vault" "$sandbox/bin/docker-credential-keyfob" get
  row each 'keyfob, to git' 1.2 'protocol=https\nhost=github.com\npath=a/b\n\n' "~password=$token" "$vault" "$git" get
  case='keyring, and the same token to git'
  row each 'keyfob, as keyring' - x "$token\\n" "$vault" "$sandbox/bin/keyring" get "$feed" VssSessionToken
  row each 'keyfob, to git' 1.2 "$asked" "~password=$token" "$vault" "$git" get

  [ -e "$sandbox/bin/nuget-plugin-keyfob" ] || return 0
  greeting='{"Id":"1","Type":"Request","Method":"Handshake","Payload":{"ProtocolVersion":"2.0.0","MinimumProtocolVersion":"1.0.0"}}\r\n'
  endpoints="VSS_NUGET_EXTERNAL_FEED_ENDPOINTS={\"endpointCredentials\":[{\"endpoint\":\"$feed\",\"username\":\"alice\",\"password\":\"$token\"}]}"
  case='NuGet, to the answer of the handshake' kind=nuget-handshake
  row each 'keyfob, to NuGet' - "$feed" "$token" "$vault" "$sandbox/bin/nuget-plugin-keyfob" -Plugin
  kind=once
  row each 'git-credential-store, a whole get' 3.0 "$host\\n" "$pair" x=x "$store" "--file=$file" get
  kind=nuget-handshake
  [ -z "$provider" ] || row some "Microsoft's provider" - "$feed" "$token" "$dotnet$between$endpoints" "$provider" -Plugin
  case='NuGet, to the credential' kind=nuget-answer
  row each 'keyfob, to NuGet' - "$feed" "$token" "$vault" "$sandbox/bin/nuget-plugin-keyfob" -Plugin
  [ -z "$provider" ] || row some "Microsoft's provider" 0.02 "$feed" "$token" "$dotnet$between$endpoints" "$provider" -Plugin
  kind=once
}

# judged FIGURE WANTED: the last cell of a row, empty without something wanted.
judged() {
  case $2 in
  -) ;;
  *) printf '≤ %s: %s' "$2" "$(awk "BEGIN { print ($1 <= $2) ? \"holds\" : \"**missed**\" }")" ;;
  esac
}

# memory NAME WANTED INPUT ENVIRONMENT PROGRAM...: the largest resident set, as the system counts it.
memory() {
  name=$1 wanted=$2 input=$3 variables=$4
  shift 4
  # shellcheck disable=SC2059 # the text is ours, and has the line ends as \n
  printf "$input" | with "$variables" time -o "$sandbox/kib" -f %M "$@" >/dev/null 2>"$sandbox/said" || {
    cat "$sandbox/kib" "$sandbox/said" >&2
    die "memory of $name: the call failed"
  }
  kib=$(cat "$sandbox/kib")
  printf '| %s | %s | %s |\n' "$name" "$(awk "BEGIN { printf \"%.1f\", $kib / 1024 }")" "$(judged "$kib / 1024" "$wanted")"
}

# size NAME WANTED FILE
size() {
  bytes=$(($(wc -c <"$3")))
  printf '| %s | %s | %s |\n' "$1" "$(awk "BEGIN { printf \"%.2f\", $bytes / 1e6 }")" "$(judged "$bytes / 1e6" "$2")"
}

sizes() {
  printf '## Size\n\n| program | MB on disk | wanted |\n|---|---:|---|\n'
  size 'git-credential-keyfob, for tools' 4 "$git"
  size 'keyfob, for people' - "$sandbox/bin/keyfob"
  for peer in "$gcm" "$oauth" "$provider"; do
    [ -z "$peer" ] || size "$(basename -- "$peer")" - "$peer"
  done
  printf '\n## Memory\n\n| call | peak, MiB | wanted |\n|---|---:|---|\n'
  memory 'keyfob, get, vault' 6 "$host\\n" "$vault" "$git" get
  memory 'keyfob, get of what is not ours' 6 "$other" "$vault" "$git" get
  memory 'keyfob, store, unchanged' 6 "$host$pair\\n" "$vault" "$git" store
  memory 'keyfob, store, a new account' 6 "protocol=https\\nhost=memory.example.com\\n$pair\\n" "$vault" "$git" store
  memory 'keyfob, erase, of another token' 6 "$host$another\\n" "$vault" "$git" erase
  memory 'keyfob, erase' 6 "protocol=https\\nhost=memory.example.com\\n$pair\\n" "$vault" "$git" erase
  memory 'keyfob, to cargo' 6 "$cargo" "$vault" "$sandbox/bin/cargo-credential-keyfob" --cargo-plugin
  memory 'keyfob, to docker' 6 ghcr.io "$vault" "$sandbox/bin/docker-credential-keyfob" get
  memory 'keyfob, as keyring' 6 '' "$vault" "$sandbox/bin/keyring" get "$feed" VssSessionToken
  [ ! -e "$sandbox/bin/nuget-plugin-keyfob" ] || memory 'keyfob, to NuGet' 6 "$greeting" "$vault" "$sandbox/bin/nuget-plugin-keyfob" -Plugin
  if [ -n "${DBUS_SESSION_BUS_ADDRESS:-}" ]; then
    memory 'keyfob, get, Secret Service' 6 "$host\\n" "$service" "$git" get
    memory 'keyfob, store, unchanged, Secret Service' 6 "$host$pair\\n" "$service" "$git" store
  fi
  memory 'keyfob, get, one of 100000' 6 'protocol=https\nhost=host0.example.com\n\n' \
    "KEYFOB_HOME=$bench/flat-100000${between}KEYFOB_STORE=vault" "$git" get
  memory 'keyfob, list of 10000' - '' "KEYFOB_HOME=$bench/flat-10000${between}KEYFOB_STORE=vault" "$sandbox/bin/keyfob" list
  memory git-credential-store - "$host\\n" x=x "$store" "--file=$file" get
  [ -z "$libsecret" ] || [ -z "${DBUS_SESSION_BUS_ADDRESS:-}" ] || memory git-credential-libsecret - "$host\\n" x=x "$libsecret" get
  [ -z "$gcm" ] || memory 'Git Credential Manager' - "$host\\n" "$plain" "$gcm" get
  [ -z "$pykeyring" ] || memory "Python's keyring" - '' x=x "$pykeyring" --list-backends
  printf '\n'
}
