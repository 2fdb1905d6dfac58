package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

var (
	_ = verb("steer", (*app).workersVerb)
	_ = verb("steer", (*app).workerSetVerb)
	_ = verb("farm", (*app).tokenVerb)
	_ = verb("farm", (*app).rulesVerb)
)

func (a *app) workersVerb() *cobra.Command {
	var history bool
	c := &cobra.Command{
		Use: "workers [NAME]", Short: "List the workers and what they do, or what one did", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if history != (len(args) == 1) {
				return usagef("netrender workers lists all; netrender workers NAME --history tells what one did")
			}
			client, err := a.connect(cmd)
			if err != nil {
				return err
			}
			if history {
				return a.workerHistory(cmd, client, args[0])
			}
			list, err := client.Workers(cmd.Context())
			if err != nil {
				return err
			}
			if a.json {
				for i := range list {
					if err := a.print(&list[i]); err != nil {
						return err
					}
				}
				return nil
			}
			if len(list) == 0 {
				fmt.Fprintln(a.out, "No workers. Run netrender worker on a machine that shall render.")
				return nil
			}
			rows := make([][]string, 0, len(list))
			for i := range list {
				rows = append(rows, a.workerRow(&list[i]))
			}
			a.rows([]string{"WORKER", "STATE", "DOES", "SLOTS", "CORES", "MEMORY", "BLENDER", "TAGS", "ADDRESS"}, rows)
			a.remarks(list)
			return nil
		},
	}
	a.masterFlags(c)
	c.Flags().BoolVar(&history, "history", false, "how busy the machine of a worker was, over ten hours, and what it tried last")
	return c
}

func workerState(w *wire.WorkerView) string {
	switch {
	case !w.Online:
		return "offline"
	case !w.Enabled:
		return "disabled"
	case w.Draining:
		return "draining"
	case len(rendering(w)) > 0:
		return "working"
	case w.Schedule != nil && !w.Schedule.Open:
		return "resting"
	}
	return "online"
}

// rendering are the leases that the worker works on, without those that wait behind them.
func rendering(w *wire.WorkerView) []farm.Running {
	return slices.DeleteFunc(slices.Clone(w.Running), func(r farm.Running) bool { return r.Ahead })
}

func (a *app) workerRow(w *wire.WorkerView) []string {
	state := workerState(w)
	does := "-"
	if now := rendering(w); len(now) > 0 {
		r := &now[0]
		does = fmt.Sprintf("job %d %s", r.Job, taskOf(r))
		if n := len(now) - 1; n > 0 {
			does += fmt.Sprintf(" +%d", n)
		}
	} else if state == "resting" {
		does = plainText(w.Schedule.Text)
	} else if !w.Online {
		does = "seen " + w.Seen.Local().Format("Jan 2 15:04")
	}
	versions := make([]string, 0, len(w.Facts.Blenders))
	for _, b := range w.Facts.Blenders {
		versions = append(versions, b.Version.String())
	}
	return []string{
		plainText(w.Name), a.paint(state, state), does, strconv.Itoa(w.Slots), strconv.Itoa(w.Facts.Cores),
		size(int64(w.Facts.MemoryMB) << 20), strings.Join(versions, " "), plainText(strings.Join(w.Tags, " ")), plainText(w.Address),
	}
}

func (a *app) workerSetVerb() *cobra.Command {
	c := &cobra.Command{
		Use: "worker-set NAME name=value...", Short: "Change a worker: enabled=yes|no drain=yes|no slots=N tags=A,B name=NEW hours=... when_idle=..., or delete",
		Long: `Change a worker:

  enabled=yes|no      whether it is given work
  drain=yes|no        whether it finishes what it has and takes no more
  slots=3             how many frames it renders side by side; slots= for as many as it was started with. It grows and
                      shrinks while it works: frames under way are finished. With devices there is one slot for each,
                      and no more. A worker of an older program keeps what it was started with.
  tags=A,B            words that jobs ask for
  name=NEW            what it is called
  hours="mon-fri 19:00-07:00, sat-sun"
                      when it is given work, by the clock of its machine; a time that ends before it begins ends on
                      the next day; hours= for always. What it renders when its hours end is finished.
  when_idle=10m       it is given work only when nobody used keyboard or mouse of its machine for so long; when
                      somebody comes back, it stops at once, and its frames wait for others; when_idle=0 for always.
                      A machine that cannot tell counts as free; netrender workers --json says so.
  delete              forget it`,
		Example: "  netrender worker-set oak enabled=no\n  netrender worker-set oak tags=gpu,big\n  netrender worker-set oak slots=3\n  netrender worker-set oak hours=\"mon-fri 19:00-07:00, sat-sun\" when_idle=10m\n  netrender worker-set oak delete",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			change, forget, err := workerChange(args[1:])
			if err != nil {
				return err
			}
			client, err := a.connect(cmd)
			if err != nil {
				return err
			}
			id := farm.WorkerID(args[0]) // or its name
			if forget {
				if err := client.DeleteWorker(cmd.Context(), id); err != nil {
					return err
				}
				if a.json {
					return a.print(map[string]any{"deleted": id})
				}
				fmt.Fprintf(a.out, "worker %s is forgotten\n", plainText(args[0]))
				return nil
			}
			view, err := client.ChangeWorker(cmd.Context(), id, change)
			if err != nil {
				return err
			}
			if a.json {
				return a.print(&view)
			}
			fmt.Fprintf(a.out, "worker %s changed: %s\n", plainText(view.Name), workerState(&view))
			return nil
		},
	}
	a.masterFlags(c)
	return c
}

// workerChange reads what is to become of a worker.
func workerChange(words []string) (change wire.WorkerChange, forget bool, err error) {
	for _, word := range words {
		name, value, ok := strings.Cut(word, "=")
		if word == "delete" {
			if len(words) > 1 {
				return change, false, usagef("delete stands alone: a worker that is forgotten has no settings")
			}
			return change, true, nil
		}
		if !ok {
			return change, false, usagef("%q is not name=value", word)
		}
		switch name {
		case "enabled", "drain":
			yes, err := yesNo(name, value)
			if err != nil {
				return change, false, err
			}
			if name == "enabled" {
				change.Enabled = &yes
			} else {
				change.Drain = &yes
			}
		case "slots":
			n := 0
			if value != "" {
				if n, err = strconv.Atoi(value); err != nil || n < 1 || n > farm.MaxSlots {
					return change, false, usagef("slots is a number from 1 to %d, or nothing for what the machine says, not %q", farm.MaxSlots, value)
				}
			}
			change.Slots = &n
		case "tags":
			tags := strings.FieldsFunc(value, func(r rune) bool { return r == ',' })
			change.Tags = &tags
		case "name":
			change.Name = &value
		case "hours":
			if _, err := farm.ParseHours(value); err != nil {
				return change, false, fmt.Errorf("%w%w", hidden{errUsage}, err)
			}
			change.Hours = &value
		case "when_idle":
			seconds := 0
			if value != "0" && value != "" {
				d, err := time.ParseDuration(value)
				if err != nil {
					return change, false, usagef("when_idle is a time with its unit, as 90s, 10m or 1h, or 0, not %q", value)
				}
				seconds = int(d.Seconds())
			}
			change.WhenIdle = &seconds
		default:
			return change, false, usagef("a worker has no setting %q", name)
		}
	}
	return change, false, nil
}

func yesNo(name, value string) (bool, error) {
	switch strings.ToLower(value) {
	case "yes", "true", "on", "1":
		return true, nil
	case "no", "false", "off", "0":
		return false, nil
	}
	return false, usagef("%s is yes or no, not %q", name, value)
}

func (a *app) tokenVerb() *cobra.Command {
	c := &cobra.Command{Use: "token", Short: "Make, list and revoke tokens"}
	create := &cobra.Command{
		Use: "create NAME", Short: "Make a token and show it, once", Args: cobra.ExactArgs(1),
		Example: "  netrender token create anna --role submit",
	}
	role := create.Flags().String("role", string(farm.RoleSubmit), "what it may do: view, submit, worker or admin")
	create.RunE = func(cmd *cobra.Command, args []string) error {
		if !slices.Contains(farm.Roles(), farm.Role(*role)) {
			return usagef("a role is view, submit, worker or admin, not %q", *role)
		}
		client, err := a.connect(cmd)
		if err != nil {
			return err
		}
		t, err := client.CreateToken(cmd.Context(), args[0], farm.Role(*role))
		if err != nil {
			return err
		}
		if a.json {
			return a.print(t)
		}
		fmt.Fprintln(a.out, t.Secret)
		fmt.Fprintf(a.err, "This token is shown only now. Use it as NETRENDER_TOKEN or with --token; netrender token revoke %s ends it.\n", t.ID)
		return nil
	}
	list := &cobra.Command{
		Use: "list", Short: "List tokens: who holds them, and when they were last used", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.connect(cmd)
			if err != nil {
				return err
			}
			tokens, err := client.Tokens(cmd.Context())
			if err != nil {
				return err
			}
			rows := make([][]string, 0, len(tokens))
			for _, t := range tokens {
				if a.json {
					if err := a.print(t); err != nil {
						return err
					}
					continue
				}
				used := "never"
				if !t.Used.IsZero() {
					used = t.Used.Local().Format(time.DateTime)
				}
				rows = append(rows, []string{t.ID, plainText(t.Name), string(t.Role), t.Created.Local().Format(time.DateTime), used})
			}
			a.rows([]string{"TOKEN", "NAME", "ROLE", "MADE", "LAST USED"}, rows)
			return nil
		},
	}
	revoke := &cobra.Command{
		Use: "revoke TOKEN", Short: "End a token at once (its id, as netrender token list shows it)", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := a.connect(cmd)
			if err != nil {
				return err
			}
			if err := client.RevokeToken(cmd.Context(), args[0]); err != nil {
				return err
			}
			if a.json {
				return a.print(map[string]string{"revoked": args[0]})
			}
			fmt.Fprintf(a.out, "token %s is revoked\n", args[0])
			return nil
		},
	}
	for _, sub := range []*cobra.Command{create, list, revoke} {
		a.masterFlags(sub)
		c.AddCommand(sub)
	}
	return c
}

func (a *app) rulesVerb() *cobra.Command {
	var preview bool
	c := &cobra.Command{
		Use: "rules [name=value...]", Short: "Show or change how frames are shared out, while the farm runs",
		Long: `Show or change how frames are shared out, while the farm runs:

  cap=0.75            largest share of the workers for one job while others could use them
  new_frames=1        jobs with fewer frames ever dispatched go first
  stale_minutes=10    jobs with nothing running for longer go before the rest
  attempts=3          failed attempts before a frame is failed
  out_after=3         failed jobs in a row before a worker is taken out; 0: never
  heartbeat_ms=5000   a lease expires after three of them without a word
  processes=off       on: whoever may submit jobs may run any command on the workers that allow it (netrender run)`,
		RunE: func(cmd *cobra.Command, args []string) error {
			plain := farm.DefaultRules()
			if err := changeRules(&plain, args); err != nil { // before anybody is asked
				return err
			}
			client, err := a.connect(cmd)
			if err != nil {
				return err
			}
			rules, err := client.Rules(cmd.Context())
			if err != nil {
				return err
			}
			if len(args) > 0 {
				if err := changeRules(&rules, args); err != nil {
					return err
				}
			}
			if preview {
				p, err := client.PreviewRules(cmd.Context(), rules)
				if err != nil {
					return err
				}
				return a.showPreview(&p)
			}
			if len(args) > 0 {
				if rules, err = client.SetRules(cmd.Context(), rules); err != nil {
					return err
				}
			}
			if a.json {
				return a.print(rules)
			}
			a.rows([]string{"RULE", "VALUE"}, [][]string{
				{"cap", fmt.Sprint(rules.Cap)},
				{"new_frames", fmt.Sprint(rules.NewFrames)},
				{"stale_minutes", fmt.Sprint(rules.StaleMins)},
				{"attempts", fmt.Sprint(rules.Attempts)},
				{"out_after", fmt.Sprint(rules.OutAfter)},
				{"heartbeat_ms", fmt.Sprint(rules.HeartbeatMS)},
				{"processes", onOff(rules.Processes)},
			})
			return nil
		},
	}
	a.masterFlags(c)
	c.Flags().BoolVar(&preview, "preview", false, "change nothing; say what would change, and what each job would come to hold")
	return c
}

func changeRules(r *farm.Rules, words []string) error {
	whole := map[string]*int{"new_frames": &r.NewFrames, "attempts": &r.Attempts, "out_after": &r.OutAfter, "heartbeat_ms": &r.HeartbeatMS}
	real := map[string]*float64{"cap": &r.Cap, "stale_minutes": &r.StaleMins}
	for _, word := range words {
		name, value, _ := strings.Cut(word, "=")
		var err error
		switch {
		case whole[name] != nil:
			*whole[name], err = strconv.Atoi(value)
		case real[name] != nil:
			*real[name], err = strconv.ParseFloat(value, 64)
		case name == "processes":
			switch value {
			case "on", "yes", "true":
				r.Processes = true
			case "off", "no", "false":
				r.Processes = false
			default:
				return usagef("processes is on or off, not %q", value)
			}
		default:
			return usagef("there is no rule %q", name)
		}
		if err != nil {
			return usagef("%s is a number, not %q", name, value)
		}
	}
	if err := r.Check(); err != nil {
		return fmt.Errorf("%w%w", hidden{errUsage}, err)
	}
	return nil
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}
