# Install from this folder, which `stackfix bundle` made, without a network: every file is checked by its sha256
# first; then stackfix gets an environment of its own, and makes and proves the one that is asked for.
#
# usage: powershell -ExecutionPolicy Bypass -File install.ps1 [--venv DIR] [--tool DIR] [--python EXE] [--expect SHA256]
#        [options of stackfix install]

$ErrorActionPreference = 'Stop'
Set-StrictMode -Version 2.0
$here = Split-Path -Parent $MyInvocation.MyCommand.Path

function Stop-WithHint([string] $Message, [string] $Hint, [int] $Code) {
  [Console]::Error.WriteLine("error: $Message")
  if ($Hint) { [Console]::Error.WriteLine("hint: $Hint") }
  exit $Code
}

# What a Python says to a question, or '' where it is none. The python.exe of the Store that only opens the Store is none.
function Get-Answer([string[]] $Command, [string] $Question) {
  if (-not (Get-Command $Command[0] -CommandType Application -ErrorAction SilentlyContinue)) { return '' }
  $before = $ErrorActionPreference
  $ErrorActionPreference = 'Continue'
  $words = @($Command | Select-Object -Skip 1) + @('-c', $Question)
  try {
    $said = & $Command[0] @words 2> $null
    if ($LASTEXITCODE -eq 0) { return [string] ($said | Select-Object -First 1) }
    return ''
  } catch { return '' } finally { $ErrorActionPreference = $before }
}

# No parameters are declared, so that options of stackfix come through as they were typed.
$own = @{ '--venv' = ''; '--tool' = ''; '--python' = ''; '--expect' = '' }
$rest = @()
for ($at = 0; $at -lt $args.Count; $at++) {
  $word = [string] $args[$at]
  if ($own.ContainsKey($word)) {
    $at++
    if ($at -ge $args.Count) { Stop-WithHint "$word needs a value" '' 2 }
    $own[$word] = [string] $args[$at]
  } else { $rest += $word }
}
$venv = $own['--venv']
$tool = $own['--tool']
$expect = $own['--expect']

$index = Join-Path $here 'bundle.json'
if (-not (Test-Path -LiteralPath $index)) {
  Stop-WithHint "$here is not a whole bundle: it has no bundle.json" 'run stackfix bundle again, it goes on where it stopped' 2
}
$digest = (Get-FileHash -LiteralPath $index -Algorithm SHA256).Hash.ToLowerInvariant()
if ($expect -and $expect.ToLowerInvariant() -ne $digest) {
  Stop-WithHint "bundle.json is not the one that was expected: its sha256 is $digest" '' 3
}
$bundle = [IO.File]::ReadAllText($index) | ConvertFrom-Json
if ($bundle.platform -ne 'win_amd64' -or $env:PROCESSOR_ARCHITECTURE -ne 'AMD64') {
  Stop-WithHint "this bundle is for $($bundle.platform), and this machine or this PowerShell is another one" '' 1
}
if (-not $venv) { $venv = Join-Path $HOME "$($bundle.name)-env" }
if (-not $tool) { $tool = Join-Path $env:LOCALAPPDATA 'stackfix\tool' }

$wanted = $bundle.python
$question = 'import sys, struct; print("%d.%d %d %s" % (sys.version_info[0], sys.version_info[1], struct.calcsize("P") * 8, sys.executable))'
$tries = @(@('py', "-$wanted"), @("python$wanted"), @('python3'), @('python'))
if ($own['--python']) { $tries = @(, @($own['--python'])) }
$interpreter = ''
foreach ($try in $tries) {
  $said = Get-Answer $try $question
  if ($said.StartsWith("$wanted 64 ")) { $interpreter = $said.Substring("$wanted 64 ".Length); break }
}
if (-not $interpreter) {
  Stop-WithHint "there is no 64-bit Python $wanted here, for which this bundle is made" "winget install --exact --id Python.Python.$wanted" 3
}

[Console]::Error.WriteLine("checking $($bundle.files.Count) files, $([math]::Round($bundle.bytes / 1e6)) MB")
$done = 0
$uv = ''
$again = 'copy the bundle here again; where it was made, stackfix bundle into the same folder fetches a damaged file anew'
foreach ($each in $bundle.files) {
  if ($each.path -match '[\\:]' -or @($each.path -split '/' | Where-Object { $_ -in @('', '.', '..') }).Count) {
    Stop-WithHint "bundle.json names a file outside of this folder: $($each.path)" '' 3
  }
  $file = Join-Path $here ($each.path -replace '/', '\')
  if (-not (Test-Path -LiteralPath $file -PathType Leaf)) { Stop-WithHint "$($each.path) is not there" $again 3 }
  $hash = (Get-FileHash -LiteralPath $file -Algorithm SHA256).Hash.ToLowerInvariant()
  if ((Get-Item -LiteralPath $file).Length -ne $each.size -or $hash -ne $each.sha256) {
    Stop-WithHint "$($each.path) is not the file of this bundle: its sha256 is $hash" $again 3
  }
  if ($each.path -like 'tool/uv-*') { $uv = $file }
  $done += $each.size
  Write-Progress -Activity 'checking the bundle' -PercentComplete ([math]::Min(100, 100 * $done / $bundle.bytes))
}
Write-Progress -Activity 'checking the bundle' -Completed
if (-not $uv) { Stop-WithHint 'the bundle holds no uv' '' 3 }

$exe = Join-Path $tool 'Scripts\python.exe'
$stamp = Join-Path $tool 'bundle'
$same = (Test-Path -LiteralPath $stamp) -and ((Get-Content -LiteralPath $stamp -First 1) -eq $digest) -and (Get-Answer @($exe, '-I') 'import stackfix; print(1)')
if (-not $same) {
  if ((Test-Path -LiteralPath $tool) -and -not (Test-Path -LiteralPath $stamp)) {
    Stop-WithHint "$tool is there, and no bundle made it" 'name another folder: --tool DIR' 2
  }
  [Console]::Error.WriteLine("installing stackfix into $tool")
  if (Test-Path -LiteralPath $tool) { Remove-Item -LiteralPath $tool -Recurse -Force }
  New-Item -ItemType Directory -Path $tool -Force | Out-Null
  [IO.File]::WriteAllText($stamp, 'unfinished')
  $work = Join-Path ([IO.Path]::GetTempPath()) ('stackfix-' + [Guid]::NewGuid().ToString('N'))
  New-Item -ItemType Directory -Path $work | Out-Null
  try {
    Add-Type -AssemblyName System.IO.Compression.FileSystem
    $archive = [IO.Compression.ZipFile]::OpenRead($uv)
    try {
      $entry = $archive.Entries | Where-Object { $_.FullName -like '*.data/scripts/uv.exe' } | Select-Object -First 1
      [IO.Compression.ZipFileExtensions]::ExtractToFile($entry, (Join-Path $work 'uv.exe'))
    } finally { $archive.Dispose() }
    $env:UV_OFFLINE = '1'
    $env:UV_NO_CONFIG = '1'
    $env:UV_CACHE_DIR = Join-Path $work 'cache'
    $ErrorActionPreference = 'Continue'
    & (Join-Path $work 'uv.exe') venv --quiet --no-project --allow-existing --python $interpreter $tool
    if ($LASTEXITCODE -eq 0) {
      & (Join-Path $work 'uv.exe') pip install --quiet --link-mode copy --python $exe --no-index --find-links (Join-Path $here 'tool') --no-deps --only-binary ':all:' --require-hashes -r (Join-Path $here 'tool\requirements.txt')
    }
    $code = $LASTEXITCODE
    $ErrorActionPreference = 'Stop'
    Remove-Item -Path 'Env:UV_NO_CONFIG'
    Remove-Item -Path 'Env:UV_CACHE_DIR'
    if ($code -ne 0) { Stop-WithHint 'stackfix could not be installed; what uv says stands above' '' 3 }
    [IO.File]::WriteAllText($stamp, $digest)
  } finally { Remove-Item -LiteralPath $work -Recurse -Force -ErrorAction SilentlyContinue }
}

$env:UV_OFFLINE = '1'
$words = @('-I', '-m', 'stackfix', 'install', '--offline', '--lock', (Join-Path $here 'pylock.toml'), '--python', $interpreter, '--venv', $venv)
$models = Join-Path $here 'models'
if ($bundle.models -eq 'own') {
  $env:STACKFIX_MODELS = $models
  $words += @('--weights', (Join-Path $models $bundle.recipe))
}
[Console]::Error.WriteLine("stackfix is $(Join-Path $tool 'Scripts\stackfix.exe')")
$ErrorActionPreference = 'Continue'
& $exe @words @rest
exit $LASTEXITCODE
