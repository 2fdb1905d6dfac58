package storetest

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// filler gives every field of a struct a value of its own, so that a field that is not kept shows.
type filler struct{ n int }

func filled[T any](t *testing.T, f *filler) T {
	t.Helper()
	var v T
	f.fill(t, reflect.ValueOf(&v).Elem(), reflect.TypeFor[T]().Name())
	return v
}

func (f *filler) fill(t *testing.T, v reflect.Value, name string) {
	t.Helper()
	f.n++
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(noon.Add(time.Duration(f.n) * 1_000_001 * time.Microsecond)))
		return
	case farm.FrameSet:
		v.Set(reflect.ValueOf(farm.Frames(-f.n, f.n, f.n+1, f.n+9)))
		return
	case farm.Tiles:
		v.Set(reflect.ValueOf(farm.Tiles{X: 1 + f.n%16, Y: 3}))
		return
	case farm.JobState:
		v.Set(reflect.ValueOf(farm.Active))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Field(i)
			if !field.IsExported() {
				t.Fatalf("%s.%s cannot be filled: teach filler its type", name, field.Name)
			}
			f.fill(t, v.Field(i), name+"."+field.Name)
		}
	case reflect.String:
		v.SetString(fmt.Sprintf("%s'%04d \"é✓<&>%%", name, f.n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(f.n) + 1_000)
	case reflect.Float64:
		v.SetFloat(float64(f.n) + 0.1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			f.fill(t, v.Index(i), fmt.Sprintf("%s[%d]", name, i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(t, v.Elem(), name)
	default:
		t.Fatalf("%s is a %s: teach filler to fill it", name, v.Kind())
	}
}
