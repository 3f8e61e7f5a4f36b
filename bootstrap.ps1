# Set stackfix up on a Windows machine that may have nothing yet, and let it make the environment: stackfix install dwpose.
#
# usage: powershell -ExecutionPolicy Bypass -File bootstrap.ps1 [--install-packages] [--bundle DIR] [options of stackfix install]
#   --install-packages  install a Python by winget where none is here
#   --bundle DIR        install from a folder that `stackfix bundle` made, without a network
#
# It takes a 64-bit Python from 3.10 on; else uv, and a Python that uv brings. Where there is neither it says what to
# install, and installs nothing unasked. pip's and uv's own configuration count, and HTTPS_PROXY does too. Run twice it
# does no harm. For Windows PowerShell 5.1 and later.
$ErrorActionPreference = 'Stop'
Set-StrictMode -Version 2.0
$here = Split-Path -Parent $MyInvocation.MyCommand.Path
$own = Join-Path $here '.stackfix'
$folder = Join-Path $own 'env'
$log = Join-Path $own 'env.log'

function Write-Note([string] $Text) { [Console]::Error.WriteLine($Text) }

function Stop-WithHint([string] $Message, [string] $Hint, [int] $Code) {
  Write-Note "error: $Message"
  if ($Hint) { Write-Note "hint: $Hint" }
  exit $Code
}

# What a command says in its first line, or '' where it isn't here or fails.
function Get-Answer([string[]] $Command, [string[]] $Words) {
  if (-not (Get-Command $Command[0] -CommandType Application -ErrorAction SilentlyContinue)) { return '' }
  $before = $ErrorActionPreference
  $ErrorActionPreference = 'Continue'
  $all = @($Command | Select-Object -Skip 1) + $Words
  try {
    $said = & $Command[0] @all 2> $null
    if ($LASTEXITCODE -eq 0) { return [string] ($said | Select-Object -First 1) }
    return ''
  } catch { return '' } finally { $ErrorActionPreference = $before }
}

# The path of the newest Python that serves, or ''.
function Find-Python {
  $question = 'import ensurepip, platform, struct, sys, venv; ok = sys.version_info >= (3, 10) and struct.calcsize("P") == 8 and platform.python_implementation() == "CPython"; print(getattr(sys, "_base_executable", sys.executable) if ok else "")'
  foreach ($try in @(@('py', '-3.14'), @('py', '-3.13'), @('py', '-3.12'), @('py', '-3.11'), @('py', '-3.10'), @('python3'), @('python'))) {
    $found = Get-Answer $try @('-I', '-c', $question)
    if ($found) { return $found }
  }
  return ''
}

# The python.exe that Windows puts on PATH and that only opens the Store.
function Find-StoreStub {
  foreach ($each in @(Get-Command -Name @('python', 'python3') -CommandType Application -ErrorAction SilentlyContinue)) {
    if ($each.Source -like '*\Microsoft\WindowsApps\*' -and -not (Get-Answer @($each.Source) @('--version'))) { return $each.Source }
  }
  return ''
}

function Find-Uv {
  foreach ($each in @('uv', (Join-Path $HOME '.local\bin\uv.exe'), (Join-Path $HOME '.cargo\bin\uv.exe'))) {
    if (Get-Answer @($each) @('--version')) { return $each }
  }
  return ''
}

# Run a command with all it says in the log; whether it ended well.
function Invoke-Logged([string] $File, [string[]] $Words) {
  $before = $ErrorActionPreference
  $ErrorActionPreference = 'Continue'
  try {
    $said = @(& $File @Words 2>&1 | ForEach-Object { [string] $_ })
    $ok = ($LASTEXITCODE -eq 0)
    [IO.File]::AppendAllText($log, ($said -join "`n") + "`n")
    return $ok
  } catch {
    [IO.File]::AppendAllText($log, ([string] $_) + "`n")
    return $false
  } finally { $ErrorActionPreference = $before }
}

function Stop-WithLog {
  $lines = @(Get-Content -LiteralPath $log | Where-Object { $_ -notmatch '^(Ignoring|WARNING: Retrying)' } | Select-Object -Last 12)
  foreach ($line in $lines) { Write-Note ([string] $line) }
  $text = [IO.File]::ReadAllText($log)
  if ($env:HTTPS_PROXY -and $text -match '(?i)proxy|tunnel') {
    $proxy = $env:HTTPS_PROXY -replace '//[^/@]*@', '//'
    Stop-WithHint "the proxy $proxy does not answer as it must" 'HTTPS_PROXY names it: set it to one that answers, or unset it' 3
  }
  if ($text -match '(?i)do not match the hashes|hash mismatch') {
    Stop-WithHint 'the index has another file than data/tool/requirements.txt names: nothing of it was run' 'use another index, or set STACKFIX_UNLOCKED=1 to take what this one has' 3
  }
  Stop-WithHint "the set-up failed; the whole log is in $log" 'check the network, HTTPS_PROXY and the index (PIP_INDEX_URL); without a network use a folder that stackfix bundle made' 3
}

# No parameters are declared, so that options of stackfix come through as they were typed.
$installPackages = $false
$bundle = ''
$rest = @()
for ($at = 0; $at -lt $args.Count; $at++) {
  $word = [string] $args[$at]
  if ($word -eq '--install-packages') { $installPackages = $true }
  elseif ($word -eq '--bundle') {
    $at++
    if ($at -ge $args.Count) { Stop-WithHint '--bundle needs a folder' '' 2 }
    $bundle = [string] $args[$at]
  } else { $rest += $word }
}

if (-not $bundle -and (Test-Path -LiteralPath (Join-Path $here 'bundle.json'))) { $bundle = $here }
if ($bundle) {
  $script = Join-Path $bundle 'install.ps1'
  if (-not (Test-Path -LiteralPath $script)) {
    Stop-WithHint "$bundle is no bundle: it has no install.ps1" 'make one where there is a network: stackfix bundle --platform win_amd64' 2
  }
  & $script @rest
  exit $LASTEXITCODE
}

$tool = Join-Path $here 'data\tool'
$text = ''
foreach ($file in @((Join-Path $here 'pyproject.toml'), (Join-Path $tool 'requirements.txt'), (Join-Path $tool 'build.txt'), $MyInvocation.MyCommand.Path)) {
  $text += (Get-FileHash -LiteralPath $file -Algorithm SHA256).Hash
}
$stampFile = Join-Path $folder 'stamp'
$exe = Join-Path $folder 'Scripts\python.exe'
$ready = (Test-Path -LiteralPath $stampFile) -and ((Get-Content -LiteralPath $stampFile -First 1) -eq $text) -and (Get-Answer @($exe) @('-I', '-c', 'print(1)'))

if (-not $ready) {
  $python = Find-Python
  $uv = ''
  if (-not $python) {
    $uv = Find-Uv
    if (-not $uv) {
      $line = 'winget install --exact --id Python.Python.3.12'
      $stub = Find-StoreStub
      if ($stub) { Write-Note "note: $stub is no Python: it only opens the Store" }
      if (-not $installPackages) {
        Stop-WithHint 'nothing here can run stackfix: it needs a 64-bit Python from 3.10 on, or uv' "$line    (--install-packages lets this script do it)" 3
      }
      if (-not (Get-Command winget -CommandType Application -ErrorAction SilentlyContinue)) {
        Stop-WithHint 'winget is not here, so no Python can be installed by it' 'install a 64-bit Python from 3.10 on by its installer' 3
      }
      $ErrorActionPreference = 'Continue'
      & winget install --exact --id Python.Python.3.12
      $code = $LASTEXITCODE
      $ErrorActionPreference = 'Stop'
      if ($code -ne 0) { Stop-WithHint "winget ended with $code" "run it by hand: $line" 3 }
      $env:Path = [Environment]::GetEnvironmentVariable('Path', 'Machine') + ';' + [Environment]::GetEnvironmentVariable('Path', 'User')
      $python = Find-Python
      if (-not $python) { Stop-WithHint 'a Python was installed, and this window does not see it' 'open a new window and run this again' 3 }
    }
  }
  if (Test-Path -LiteralPath $folder) { Remove-Item -LiteralPath $folder -Recurse -Force }
  New-Item -ItemType Directory -Path $own -Force | Out-Null
  [IO.File]::WriteAllText($log, '')
  Write-Note '== setting up an environment for this checkout (once, about half a minute)'
  $env:PIP_DISABLE_PIP_VERSION_CHECK = '1'
  if ($uv) { $made = Invoke-Logged $uv @('venv', '--no-project', '--python', '3.12', $folder) }
  else { $made = Invoke-Logged $python @('-m', 'venv', $folder) }
  if (-not $made) { Stop-WithLog }
  if ($uv) { $installer = @($uv, 'pip', 'install', '--python', $exe) }
  else { $installer = @($exe, '-m', 'pip', 'install') }
  $first = @($installer | Select-Object -Skip 1)
  if ($env:STACKFIX_UNLOCKED) { $made = Invoke-Logged $installer[0] ($first + @('-e', ($here + '[uv]'))) }
  else {
    $made = (Invoke-Logged $installer[0] ($first + @('--only-binary', ':all:', '--require-hashes', '-r', (Join-Path $tool 'requirements.txt'), '-r', (Join-Path $tool 'build.txt')))) -and
      (Invoke-Logged $installer[0] ($first + @('--no-deps', '--no-build-isolation', '-e', $here)))
  }
  if (-not $made) { Stop-WithLog }
  [IO.File]::WriteAllText($stampFile, $text)
}

$ErrorActionPreference = 'Continue'
& $exe -I -m stackfix install dwpose @rest
exit $LASTEXITCODE
