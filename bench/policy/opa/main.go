// bench-opa: the same policy decided by Open Policy Agent, in this process, from a prepared query.
//
//	bench-opa POLICY.rego DATA.json REQUESTS.json SECONDS
//
// Prints one JSON object. The requests are an array of {input, allow}; a request that OPA decides otherwise than `allow`
// ends the run, since the figure would be for another policy.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
)

type request struct {
	Input map[string]any `json:"input"`
	Allow bool           `json:"allow"`
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench-opa:", err)
		os.Exit(2)
	}
}

func run(arguments []string) error {
	if len(arguments) != 4 {
		return fmt.Errorf("usage: bench-opa POLICY.rego DATA.json REQUESTS.json SECONDS")
	}
	seconds, err := strconv.ParseFloat(arguments[3], 64)
	if err != nil {
		return err
	}
	query, memory, prepared, err := prepare(arguments[0], arguments[1])
	if err != nil {
		return err
	}
	requests, inputs, err := read(arguments[2])
	if err != nil {
		return err
	}
	for index, input := range inputs {
		allow, err := decide(query, input)
		if err != nil {
			return err
		}
		if allow != requests[index].Allow {
			return fmt.Errorf("request %d: OPA says allow=%v, the engine %v", index, allow, requests[index].Allow)
		}
	}
	spent, allocations, err := measure(query, inputs, seconds)
	if err != nil {
		return err
	}
	source, err := os.ReadFile(arguments[0])
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"all": map[string]any{
			"median_ns":   percentile(spent, 50),
			"p99_ns":      percentile(spent, 99),
			"allocations": allocations,
			"decisions":   len(spent),
		},
		"prepare_ms": float64(prepared.Microseconds()) / 1000,
		"bytes":      memory,
		"rules":      strings.Count(string(source), "allow if"),
	})
}

// prepare compiles the policy over its data; also the bytes that both then hold, and how long it took.
func prepare(policy, data string) (rego.PreparedEvalQuery, int64, time.Duration, error) {
	var query rego.PreparedEvalQuery
	source, err := os.ReadFile(policy)
	if err != nil {
		return query, 0, 0, err
	}
	text, err := os.ReadFile(data)
	if err != nil {
		return query, 0, 0, err
	}
	before := held()
	begun := time.Now()
	var document map[string]any
	if err := json.Unmarshal(text, &document); err != nil {
		return query, 0, 0, err
	}
	// Values are read as OPA's own terms once, not at each decision: its best case.
	store := inmem.NewFromObjectWithOpts(document, inmem.OptReturnASTValuesOnRead(true))
	query, err = rego.New(rego.Query("data.mesh.allow"), rego.Module("mesh.rego", string(source)), rego.Store(store)).
		PrepareForEval(context.Background())
	spent := time.Since(begun)
	document = nil
	return query, held() - before, spent, err
}

func held() int64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

func read(path string) ([]request, []ast.Value, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	var requests []request
	if err := json.Unmarshal(text, &requests); err != nil {
		return nil, nil, err
	}
	inputs := make([]ast.Value, len(requests))
	for index, request := range requests {
		if inputs[index], err = ast.InterfaceToValue(request.Input); err != nil {
			return nil, nil, err
		}
	}
	return requests, inputs, nil
}

func decide(query rego.PreparedEvalQuery, input ast.Value) (bool, error) {
	result, err := query.Eval(context.Background(), rego.EvalParsedInput(input))
	return result.Allowed(), err
}

// measure decides for the given time after a tenth of it as warm-up. Nanoseconds of each decision, and allocations per decision.
func measure(query rego.PreparedEvalQuery, inputs []ast.Value, seconds float64) ([]int64, float64, error) {
	if _, _, err := loop(query, inputs, seconds/10); err != nil {
		return nil, 0, err
	}
	return loop(query, inputs, seconds)
}

func loop(query rego.PreparedEvalQuery, inputs []ast.Value, seconds float64) ([]int64, float64, error) {
	var spent []int64
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	end := time.Now().Add(time.Duration(seconds * float64(time.Second)))
	for index := 0; time.Now().Before(end); index++ {
		begun := time.Now()
		if _, err := decide(query, inputs[index%len(inputs)]); err != nil {
			return nil, 0, err
		}
		spent = append(spent, time.Since(begun).Nanoseconds())
	}
	runtime.ReadMemStats(&after)
	return spent, float64(after.Mallocs-before.Mallocs) / float64(len(spent)), nil
}

func percentile(spent []int64, percent int) int64 {
	sort.Slice(spent, func(a, b int) bool { return spent[a] < spent[b] })
	return spent[(len(spent)-1)*percent/100]
}
