package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// The lines of load that netrender workers NAME --history prints: a mean of so long each.
const historyLine = 10 * time.Minute

// workerHistory prints how busy a worker's machine was and what it tried last.
func (a *app) workerHistory(cmd *cobra.Command, client *wire.Client, name string) error {
	h, err := client.WorkerHistory(cmd.Context(), farm.WorkerID(name), wire.HistoryWish{Hours: 10, Limit: maxShown})
	if err != nil {
		return err
	}
	if a.json {
		return a.print(&h)
	}
	if rows := loadRows(&h); len(rows) > 0 {
		a.rows([]string{"FROM", "CPU", "MEMORY", "GPU"}, rows)
	} else {
		fmt.Fprintln(a.out, "Nothing was measured yet: a value comes each minute that the worker is online.")
	}
	rows := make([][]string, 0, len(h.Attempts))
	for i := range h.Attempts {
		t := &h.Attempts[i]
		text := string(t.Outcome)
		if t.Error != "" {
			text += ": " + clip(t.Error, 80)
		}
		rows = append(rows, []string{
			t.Ended.Local().Format(time.DateTime), strconv.FormatInt(int64(t.Job), 10), plainText(farm.TaskName(t.Task())),
			span(time.Duration(t.Seconds * float64(time.Second))), a.paint(string(t.Outcome), plainText(text)),
		})
	}
	if len(rows) > 0 {
		fmt.Fprintln(a.out)
		a.rows([]string{"ENDED", "JOB", "TASK", "TOOK", "OUTCOME"}, rows)
	}
	return nil
}

// loadRows are means of some minutes each, the newest last; what was not measured is left out.
func loadRows(h *farm.WorkerHistory) (rows [][]string) {
	step := time.Duration(h.StepMS) * time.Millisecond
	if step <= 0 {
		return nil
	}
	per := max(1, int(historyLine/step))
	n := len(h.CPU)
	for from := n % per; from < n; from += per {
		row := []string{h.End.Add(-time.Duration(n-from) * step).Local().Format("15:04"), mean(h.CPU, from, per), mean(h.Memory, from, per), mean(h.GPU, from, per)}
		if row[1] != "-" || row[2] != "-" || row[3] != "-" {
			rows = append(rows, row)
		}
	}
	if first := n % per; first > 0 { // what is left over before them
		if cpu, memory := mean(h.CPU, 0, first), mean(h.Memory, 0, first); cpu != "-" || memory != "-" {
			rows = append([][]string{{h.End.Add(-time.Duration(n) * step).Local().Format("15:04"), cpu, memory, mean(h.GPU, 0, first)}}, rows...)
		}
	}
	return rows
}

func mean(of []*int, from, n int) string {
	sum, known := 0, 0
	for i := from; i < min(from+n, len(of)); i++ {
		if of[i] != nil {
			sum, known = sum+*of[i], known+1
		}
	}
	if known == 0 {
		return "-"
	}
	return strconv.Itoa((sum+known/2)/known) + " %"
}
