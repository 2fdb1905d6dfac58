package salvage

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// testdata/small.db was written by SQLite with pages of 512 bytes: a table with long rows and numbers of all sizes, one
// WITHOUT ROWID, an index, free pages, and a change that is in the log alone.
func small(t testing.TB) (db, log []byte) {
	t.Helper()
	db, err := os.ReadFile(filepath.Join("testdata", "small.db"))
	if err != nil {
		t.Fatal(err)
	}
	log, err = os.ReadFile(filepath.Join("testdata", "small.db-wal"))
	if err != nil {
		t.Fatal(err)
	}
	return db, log
}

func TestSmall(t *testing.T) {
	f, err := Open(filepath.Join("testdata", "small.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	objects, lost := f.Schema()
	if len(objects) != 3 || lost != (Loss{}) || f.LogLost() {
		t.Fatalf("%+v, %+v", objects, lost)
	}
	rows := map[string]map[any][]any{}
	for _, o := range objects {
		rows[o.Name] = map[any][]any{}
		lost := f.Walk(o.Root, o.Name != "a", func(cells []Cell) bool {
			for _, c := range cells {
				key := any(c.Rowid)
				if o.Name == "b" {
					key = c.Values[0]
				}
				rows[o.Name][key] = c.Values
			}
			return true
		})
		if lost != (Loss{}) {
			t.Errorf("%s: %+v", o.Name, lost)
		}
	}
	a := rows["a"]
	if len(a) != 13 || len(rows["b"]) != 9 || rows["b"]["kkkk"][1] != "v" {
		t.Errorf("%d rows in a, %d in b", len(a), len(rows["b"]))
	}
	if long := a[int64(-5)]; long[1] != strings.Repeat("long", 200) || long[2] != nil || long[3] != nil {
		t.Errorf("%.80q", long)
	}
	if row := a[int64(11000)]; row[0] != nil || row[1] != strings.Repeat("x", 33) || row[2] != 11.0/3 || string(row[3].([]byte)) != "\x01\x02" {
		t.Errorf("%#v", row)
	}
	if got := a[int64(3000)][2]; got != int64(7) {
		t.Errorf("the change in the log: %v", got)
	}
	f.Free()
	f.Orphans(func(_ bool, cells []Cell) bool {
		t.Errorf("%+v", cells)
		return true
	})
}

// FuzzFile reads any bytes as a database and its log: it ends, and gives no more than is there.
func FuzzFile(f *testing.F) {
	db, log := small(f)
	f.Add(db, log)
	f.Add(db, []byte(nil))
	f.Add(db[:700], log)
	f.Add([]byte(nil), log)
	path := filepath.Join(f.TempDir(), "farm.db")
	f.Fuzz(func(t *testing.T, db, log []byte) {
		if err := os.WriteFile(path, db, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path+"-wal", log, 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		limit := len(db) + len(log)
		rows := 0
		count := func(cells []Cell) bool {
			rows += len(cells)
			if rows > limit {
				t.Fatalf("%d rows out of %d bytes", rows, limit)
			}
			for _, c := range cells {
				for _, v := range c.Values {
					switch v := v.(type) {
					case nil, int64, float64, string, []byte:
					default:
						t.Fatalf("a value is a %T", v)
					}
				}
			}
			return true
		}
		objects, _ := file.Schema()
		for _, o := range objects {
			file.Walk(o.Root, o.Kind == "index", count)
		}
		file.Free()
		file.Orphans(func(_ bool, cells []Cell) bool { return count(cells) })
	})
}
