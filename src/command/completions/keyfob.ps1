# Completion of keyfob for PowerShell. The program itself says what fits. The dot behind the last word tells the program where that
# word ends: an empty one would get lost on the way.
Register-ArgumentCompleter -Native -CommandName keyfob -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $before = @($commandAst.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { $_.Extent.Text })
    $words = @($before | Select-Object -Skip 1) + @("$wordToComplete.")
    & keyfob completions powershell '--' @words 2>$null | ForEach-Object {
        $value, $help = $_ -split "`t", 2
        if ($value -eq ':files') {
            [System.Management.Automation.CompletionCompleters]::CompleteFilename($wordToComplete)
        } else {
            $tip = if ($help) { $help } else { $value }
            [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $tip)
        }
    }
}
