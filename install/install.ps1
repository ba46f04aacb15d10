# Installs keyfob on Windows.      usage: install\install.ps1 [-Prefix FOLDER] [-Uninstall] [-SetupGit]
# Builds the two programs, puts them into PREFIX\bin, the one for tools under every name by which a tool finds it (hard links or
# copies: other links need a privilege), adds that folder to your PATH, and sets git up when asked. -Uninstall undoes it and keeps
# the wallet.
param(
    [string]$Prefix = (Join-Path $env:LOCALAPPDATA 'Programs\keyfob'),
    [switch]$Uninstall,
    [switch]$SetupGit
)
$ErrorActionPreference = 'Stop'
$root = Split-Path -Parent $PSScriptRoot
$bin = Join-Path $Prefix 'bin'
$program = Join-Path $bin 'keyfob.exe'
$tools = Join-Path $bin 'git-credential-keyfob.exe'

function Set-UserPath([string[]]$folders) { [Environment]::SetEnvironmentVariable('Path', ($folders -join ';'), 'User') }
function Get-UserPath { @([Environment]::GetEnvironmentVariable('Path', 'User') -split ';' | Where-Object { $_ }) }

# Puts a program into a place. One that runs cannot be overwritten, but renamed: it is moved aside, and removed when it has ended,
# by the next installation at the latest.
function Install-Program([string]$from, [string]$to, [switch]$Link) {
    Remove-Item -ErrorAction SilentlyContinue "$to.*.old"
    $aside = "$to.$([guid]::NewGuid().ToString('N')).old"
    $moved = Test-Path $to
    if ($moved) { Move-Item $to $aside }
    try {
        $made = $false
        if ($Link) { try { New-Item -ItemType HardLink -Path $to -Target $from | Out-Null; $made = $true } catch { } }
        if (-not $made) { Copy-Item $from $to }
    } catch {
        if ($moved) { Move-Item $aside $to }
        throw
    }
    Remove-Item -ErrorAction SilentlyContinue "$to.*.old"
}

if ($Uninstall) {
    if (-not (Test-Path $program)) { throw "there is no $program" }
    & $program unsetup
    if ($LASTEXITCODE -ne 0) { Write-Host 'note: some tool still names keyfob; see the message above' }
    $wallet = & $program storage --folder
    foreach ($link in @(& $program links)) { Remove-Item -ErrorAction SilentlyContinue (Join-Path $bin "$link.exe*") }
    Remove-Item $program
    Remove-Item -ErrorAction SilentlyContinue "$program.*.old"
    Set-UserPath @(Get-UserPath | Where-Object { $_ -ne $bin })
    Write-Host "removed keyfob from $bin"
    Write-Host "your wallet is kept in $wallet and in the Credential Manager"
    exit 0
}

foreach ($need in 'cargo', 'git') {
    if (-not (Get-Command $need -ErrorAction SilentlyContinue)) {
        throw "$need is missing; install it from $(if ($need -eq 'git') { 'https://git-scm.com' } else { 'https://rustup.rs' })"
    }
}
Push-Location $root
try {
    # What --version says (see name_build in common.sh).
    $env:KEYFOB_BUILD_COMMIT = ''
    $env:KEYFOB_BUILD_DAY = ''
    $top = & git rev-parse --show-toplevel 2>$null
    if ($LASTEXITCODE -eq 0 -and (Resolve-Path $top).Path -eq (Resolve-Path $root).Path) {
        $changes = if (& git status --porcelain --untracked-files=no) { '+changes' }
        $env:KEYFOB_BUILD_COMMIT = "$(& git rev-parse --short=12 HEAD)$changes"
        $seconds = if ($env:SOURCE_DATE_EPOCH) { $env:SOURCE_DATE_EPOCH } else { & git show -s --format=%ct HEAD }
        $env:KEYFOB_BUILD_DAY = [DateTimeOffset]::FromUnixTimeSeconds($seconds).UtcDateTime.ToString('yyyy-MM-dd')
    }
    $target = (& rustc -vV | Select-String '^host: (.*)$').Matches[0].Groups[1].Value
    # The C runtime becomes part of the programs, so nothing has to be installed beside them. RUSTFLAGS, if it is set, takes the
    # place of this.
    & cargo build --release --locked --bins --target $target --config "build.rustflags=['-C', 'target-feature=+crt-static']"
    if ($LASTEXITCODE -ne 0) { throw 'the build failed' }
} finally { Pop-Location }
$folder = if ($env:CARGO_TARGET_DIR) { $env:CARGO_TARGET_DIR } else { Join-Path $root 'target' }
$built = Join-Path $folder "$target\release"
# Asked before it takes the place of one that works.
foreach ($name in 'git-credential-keyfob', 'keyfob') {
    & (Join-Path $built "$name.exe") --version | Out-Null
    if ($LASTEXITCODE -ne 0) { throw "the program was built, but does not run here: $(Join-Path $built "$name.exe")" }
}
# When there was one program, this was a hard link to it, or a copy of it.
if ((Test-Path $tools) -and "$(& $tools --version)" -notlike 'git-credential-keyfob *') {
    throw "$tools is there and is not keyfob's"
}
New-Item -ItemType Directory -Force $bin | Out-Null
Install-Program (Join-Path $built 'git-credential-keyfob.exe') $tools
Install-Program (Join-Path $built 'keyfob.exe') $program
foreach ($link in @(& $program links) | Where-Object { $_ -ne 'git-credential-keyfob' }) {
    Install-Program $tools (Join-Path $bin "$link.exe") -Link
}
if ((Get-UserPath) -notcontains $bin) {
    Set-UserPath (@(Get-UserPath) + $bin)
    Write-Host "$bin is on your PATH in new windows"
}
Write-Host "installed $(& $program --version) into $bin"
Write-Host 'to complete its commands: keyfob completions powershell >> $PROFILE'
if (-not $SetupGit -and [Environment]::UserInteractive) {
    $SetupGit = (Read-Host 'Shall git ask keyfob from now on (keyfob setup git)? [y/N]') -match '^(y|yes)$'
}
if ($SetupGit) { & $program setup git --yes }
else { Write-Host 'next: keyfob setup git, then keyfob add https://dev.azure.com/YOUR-ORGANISATION' }
