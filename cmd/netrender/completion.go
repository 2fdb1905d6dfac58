package main

import (
	"github.com/spf13/cobra"
)

var _ = verb("more", (*app).completionVerb)

var shells = []string{"bash", "zsh", "fish", "powershell"}

func (a *app) completionVerb() *cobra.Command {
	return &cobra.Command{
		Use: "completion SHELL", Short: "Print a script that lets bash, zsh, fish or powershell complete commands",
		Long: `Print a script that lets a shell complete commands and flags of netrender. SHELL is bash, zsh, fish or powershell.`,
		Example: `  source <(netrender completion bash)                              this bash
  netrender completion bash > /etc/bash_completion.d/netrender     every bash
  netrender completion zsh > "${fpath[1]}/_netrender"              zsh
  netrender completion fish > ~/.config/fish/completions/netrender.fish
  netrender completion powershell | Out-String | Invoke-Expression`,
		Args: cobra.ExactArgs(1), ValidArgs: shells,
		PersistentPreRunE: func(*cobra.Command, []string) error { return nil }, // a shell starts whatever the settings are
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(a.out, true)
			case "zsh":
				return root.GenZshCompletion(a.out)
			case "fish":
				return root.GenFishCompletion(a.out, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(a.out)
			}
			return usagef("a shell is bash, zsh, fish or powershell, not %q", args[0])
		},
	}
}
