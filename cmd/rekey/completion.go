package main

import "github.com/spf13/cobra"

func completionCommand(s *session) *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "Print a completion script for your shell",
		Long: `Prints a script that lets your shell complete rekey's commands and flags.

  bash        source <(rekey completion bash)             in ~/.bashrc
  zsh         source <(rekey completion zsh)              in ~/.zshrc, after compinit
  fish        rekey completion fish | source              in ~/.config/fish/config.fish
  PowerShell  rekey completion powershell | Out-String | Invoke-Expression    in $PROFILE`,
		Example: `  rekey completion bash > /etc/bash_completion.d/rekey
  rekey completion powershell | Out-String | Invoke-Expression`,
		Args:      takes("bash|zsh|fish|powershell"),
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		RunE: func(c *cobra.Command, args []string) error {
			root := c.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(s.out, true)
			case "zsh":
				return root.GenZshCompletion(s.out)
			case "fish":
				return root.GenFishCompletion(s.out, true)
			case "powershell", "pwsh":
				return root.GenPowerShellCompletionWithDesc(s.out)
			}
			return usage("%q is not a shell that rekey knows", args[0]).next("choose bash, zsh, fish or powershell")
		},
	}
}
