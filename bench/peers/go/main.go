// Go. WORKERS is GOMAXPROCS.
//
// A WaitGroup that is used again is the cheapest join of a goroutine without a result; results go through memory it orders.
//
// abort is cooperative: a goroutine is asked through a channel, and must look at it.
//
// Left out: unstarted (a goroutine gets its stack when it is made: see parked), blocking (any goroutine may block; the
// runtime adds threads).
package main

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

type figure struct {
	name  string
	value float64
	unit  string
}

type workload struct {
	name        string
	defaultN    uint64
	mostWorkers int
	run         func(n uint64) []figure
}

func expect(right bool, what string) {
	if !right {
		fmt.Fprintln(os.Stderr, "go: wrong result:", what)
		os.Exit(1)
	}
}

func each(since time.Time, n uint64) float64 {
	return float64(time.Since(since).Nanoseconds()) / float64(n)
}
func ms(since time.Time) float64 { return float64(time.Since(since).Nanoseconds()) / 1e6 }
func sumBelow(n uint64) uint64   { return n * (n - 1) / 2 }

func residentBytes() float64 {
	text, err := os.ReadFile("/proc/self/status")
	expect(err == nil, "/proc/self/status")
	total := 0.0
	for _, line := range strings.Split(string(text), "\n") {
		if strings.HasPrefix(line, "VmRSS:") || strings.HasPrefix(line, "VmPTE:") {
			kib, _ := strconv.ParseFloat(strings.Fields(line)[1], 64)
			total += kib * 1024
		}
	}
	return total
}

func cpuMs() float64 {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e6
}

func runYield(n uint64) []figure {
	var wg sync.WaitGroup
	turns := func(count uint64) {
		for i := uint64(0); i < count; i++ {
			runtime.Gosched()
		}
		wg.Done()
	}
	wg.Add(1)
	go turns(10000)
	wg.Wait()
	wg.Add(2)
	start := time.Now()
	go turns(n / 2)
	go turns(n - n/2)
	wg.Wait()
	return []figure{{"yield", each(start, n), "ns"}}
}

func runSpawnJoin(n uint64) []figure {
	var wg sync.WaitGroup
	ran := uint64(0)
	child := func() { ran++; wg.Done() }
	start := time.Now()
	for i := uint64(0); i < n+10000; i++ {
		if i == 10000 {
			ran = 0
			start = time.Now()
		}
		wg.Add(1)
		go child()
		wg.Wait()
	}
	took := each(start, n)
	expect(ran == n, "spawn_join")
	return []figure{{"spawn_join", took, "ns"}}
}

func runSpawnBatch(n uint64) []figure {
	const batch = 1000
	var wg sync.WaitGroup
	child := func() { wg.Done() }
	joined := uint64(0)
	round := func() {
		wg.Add(batch)
		for i := 0; i < batch; i++ {
			go child()
		}
		wg.Wait()
		joined += batch
	}
	for i := 0; i < 10; i++ {
		round()
	}
	joined = 0
	start := time.Now()
	for i := uint64(0); i < n; i += batch {
		round()
	}
	return []figure{{"spawn_batch", each(start, joined), "ns"}}
}

type node struct {
	wg   sync.WaitGroup
	sums [10]uint64
}

func skynet(first, size uint64) uint64 {
	if size == 1 {
		return first
	}
	var here node
	here.wg.Add(10)
	for i := uint64(0); i < 10; i++ {
		go func(i uint64) {
			here.sums[i] = skynet(first+i*(size/10), size/10)
			here.wg.Done()
		}(i)
	}
	here.wg.Wait()
	sum := uint64(0)
	for _, s := range here.sums {
		sum += s
	}
	return sum
}

func runSkynet(n uint64) []figure {
	skynet(0, 1000)
	start := time.Now()
	sum := skynet(0, n)
	took := ms(start)
	expect(sum == sumBelow(n), "skynet")
	return []figure{{"skynet", took, "ms"}}
}

type half struct {
	wg    sync.WaitGroup
	value uint64
}

func fib(n uint64) uint64 {
	if n < 2 {
		return n
	}
	var left half
	left.wg.Add(1)
	go func() {
		left.value = fib(n - 1)
		left.wg.Done()
	}()
	right := fib(n - 2)
	left.wg.Wait()
	return left.value + right
}

func runFib(n uint64) []figure {
	fib(15)
	start := time.Now()
	result := fib(n)
	took := ms(start)
	a, b := uint64(0), uint64(1)
	for i := uint64(0); i < n; i++ {
		a, b = b, a+b
	}
	expect(result == a, "fib")
	return []figure{{"fib", took, "ms"}}
}

func play(n uint64) uint64 {
	ping, pong := make(chan uint64, 1), make(chan uint64, 1)
	go func() {
		for token := range ping {
			pong <- token
		}
		close(pong)
	}()
	sum := uint64(0)
	for i := uint64(0); i < n; i++ {
		ping <- i
		sum += <-pong
	}
	close(ping)
	<-pong
	return sum
}

func passOn(n uint64) uint64 {
	const sides = 4
	line := make(chan uint64, 1024)
	var producers, consumers sync.WaitGroup
	producers.Add(sides)
	consumers.Add(sides)
	var total uint64
	for p := uint64(0); p < sides; p++ {
		go func(i uint64) {
			for ; i < n; i += sides {
				line <- i
			}
			producers.Done()
		}(p)
		go func() {
			sum := uint64(0)
			for message := range line {
				sum += message
			}
			atomic.AddUint64(&total, sum)
			consumers.Done()
		}()
	}
	producers.Wait()
	close(line)
	consumers.Wait()
	return total
}

func timed(name string, n uint64, work func(uint64) uint64) []figure {
	work(10000)
	start := time.Now()
	sum := work(n)
	took := each(start, n)
	expect(sum == sumBelow(n), name)
	return []figure{{name, took, "ns"}}
}

func runPingpong(n uint64) []figure { return timed("pingpong", n, play) }
func runMpmc(n uint64) []figure     { return timed("mpmc", n, passOn) }

func runMutex(n uint64) []figure {
	const tasks = 1000
	var lock sync.Mutex
	count := uint64(0)
	all := func(turns uint64) {
		var wg sync.WaitGroup
		wg.Add(tasks)
		for i := 0; i < tasks; i++ {
			go func() {
				for t := uint64(0); t < turns; t++ {
					lock.Lock()
					count++
					lock.Unlock()
					runtime.Gosched()
				}
				wg.Done()
			}()
		}
		wg.Wait()
	}
	all(10)
	count = 0
	start := time.Now()
	all(n)
	took := each(start, tasks*n)
	expect(count == tasks*n, "mutex")
	return []figure{{"mutex", took, "ns"}}
}

func parkAll(n uint64) (bytes, spawnNs, releaseNs float64) {
	gate := make(chan struct{})
	var arrived uint64
	var wg sync.WaitGroup
	wg.Add(int(n))
	before := residentBytes()
	start := time.Now()
	for i := uint64(0); i < n; i++ {
		go func() {
			atomic.AddUint64(&arrived, 1)
			<-gate
			wg.Done()
		}()
		if i%1024 == 1023 {
			runtime.Gosched()
		}
	}
	for atomic.LoadUint64(&arrived) < n {
		runtime.Gosched()
	}
	spawnNs = each(start, n)
	time.Sleep(10 * time.Millisecond) // the last of them has parked
	bytes = (residentBytes() - before) / float64(n)
	start = time.Now()
	close(gate)
	wg.Wait()
	return bytes, spawnNs, each(start, n)
}

func runParked(n uint64) []figure {
	bytes, _, _ := parkAll(n)
	_, spawn, release := parkAll(n)
	return []figure{{"parked", bytes, "bytes"}, {"parked_spawn", spawn, "ns"}, {"parked_release", release, "ns"}}
}

func runSleep(n uint64) []figure {
	var slept uint64
	var wg sync.WaitGroup
	wg.Add(int(n))
	cpu, start := cpuMs(), time.Now()
	for i := uint64(0); i < n; i++ {
		go func(i uint64) {
			time.Sleep(time.Duration(i%1000) * time.Millisecond)
			atomic.AddUint64(&slept, 1)
			wg.Done()
		}(i)
	}
	wg.Wait()
	took := ms(start)
	expect(slept == n, "sleep")
	return []figure{{"sleep", took, "ms"}, {"sleep_cpu", cpuMs() - cpu, "ms"}}
}

// A timer armed and stopped around a receive that is ready: what context.WithTimeout does, without its garbage.
func runTimeoutStorm(n uint64) []figure {
	ready := make(chan uint64, 1)
	t := time.NewTimer(time.Hour)
	sum := uint64(0)
	start := time.Now()
	for i := uint64(0); i < n; i++ {
		ready <- i
		t.Reset(time.Hour)
		select {
		case v := <-ready:
			sum += v
		case <-t.C:
		}
		t.Stop()
	}
	took := each(start, n)
	expect(sum == sumBelow(n), "timeout_storm")
	return []figure{{"timeout_storm", took, "ns"}}
}

type sleeper struct {
	quit chan struct{}
	wg   sync.WaitGroup
}

func runAbort(n uint64) []figure {
	var stopped uint64
	sleepers := make([]sleeper, n)
	for i := range sleepers {
		s := &sleepers[i]
		s.quit = make(chan struct{})
		s.wg.Add(1)
		go func() {
			t := time.NewTimer(time.Hour)
			select {
			case <-s.quit:
				t.Stop()
				atomic.AddUint64(&stopped, 1)
			case <-t.C:
			}
			s.wg.Done()
		}()
	}
	time.Sleep(300 * time.Millisecond)
	start := time.Now()
	for i := range sleepers {
		close(sleepers[i].quit)
		sleepers[i].wg.Wait()
	}
	took := each(start, n)
	expect(stopped == n, "abort")
	return []figure{{"abort", took, "ns"}}
}

func serve(port uint64, answer func(net.Conn)) []figure {
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		fmt.Fprintln(os.Stderr, "go:", err)
		os.Exit(1)
	}
	for {
		client, err := listener.Accept()
		if err != nil {
			fmt.Fprintln(os.Stderr, "go:", err)
			os.Exit(1)
		}
		go answer(client)
	}
}

func echo(client net.Conn) {
	defer client.Close()
	buffer := make([]byte, 4096)
	for {
		got, err := client.Read(buffer)
		if err != nil {
			return
		}
		if _, err = client.Write(buffer[:got]); err != nil {
			return
		}
	}
}

func http(client net.Conn) {
	const answer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
	const end = "\r\n\r\n"
	defer client.Close()
	buffer := make([]byte, 4096)
	answers := make([]byte, 0, 4096)
	matched := 0 // of `end`, over reads
	for {
		got, err := client.Read(buffer)
		if err != nil {
			return
		}
		answers = answers[:0]
		for _, c := range buffer[:got] {
			if c == end[matched] {
				matched++
			} else if c == end[0] {
				matched = 1
			} else {
				matched = 0
			}
			if matched == len(end) {
				matched = 0
				answers = append(answers, answer...)
			}
		}
		if len(answers) > 0 {
			if _, err = client.Write(answers); err != nil {
				return
			}
		}
	}
}

func runEcho(port uint64) []figure { return serve(port, echo) }
func runHttp(port uint64) []figure { return serve(port, http) }

const any = 1024

var workloads = []workload{
	{"yield", 10000000, 1, runYield},
	{"spawn_join", 1000000, any, runSpawnJoin},
	{"spawn_batch", 2000000, any, runSpawnBatch},
	{"skynet", 1000000, any, runSkynet},
	{"fib", 27, any, runFib},
	{"pingpong", 1000000, any, runPingpong},
	{"mpmc", 4000000, any, runMpmc},
	{"mutex", 1000, any, runMutex},
	{"parked", 1000000, any, runParked},
	{"sleep", 1000000, any, runSleep},
	{"timeout_storm", 5000000, any, runTimeoutStorm},
	{"abort", 100000, any, runAbort},
	{"echo", 7777, any, runEcho},
	{"http", 8080, any, runHttp},
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "--list" {
		for _, w := range workloads {
			fmt.Printf("%-14s (default N: %d; workers: 1 to %d)\n", w.name, w.defaultN, w.mostWorkers)
		}
		return
	}
	usage := func() {
		fmt.Fprintf(os.Stderr, "usage: %s WORKLOAD WORKERS [N]\n       %s --list\n", os.Args[0], os.Args[0])
		os.Exit(2)
	}
	if len(os.Args) < 3 || len(os.Args) > 4 {
		usage()
	}
	workers, err := strconv.Atoi(os.Args[2])
	if err != nil || workers < 1 || workers > any {
		usage()
	}
	n := uint64(0)
	if len(os.Args) == 4 {
		if n, err = strconv.ParseUint(os.Args[3], 10, 40); err != nil || n == 0 {
			usage()
		}
	}
	for _, w := range workloads {
		if w.name != os.Args[1] {
			continue
		}
		if workers > w.mostWorkers {
			fmt.Fprintf(os.Stderr, "go: %s runs on 1 to %d workers\n", w.name, w.mostWorkers)
			os.Exit(2)
		}
		if n == 0 {
			n = w.defaultN
		}
		runtime.GOMAXPROCS(workers)
		for _, f := range w.run(n) {
			fmt.Printf("go %s %d %.6g %s\n", f.name, workers, f.value, f.unit)
		}
		return
	}
	fmt.Fprintf(os.Stderr, "go: there is no workload %q; --list names them\n", os.Args[1])
	os.Exit(2)
}
