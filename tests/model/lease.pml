/*
 * The protocol of one key: N processes, as src/engine/{get_or_set,lead,follow}.ts drive them, over one store that keeps
 * the contract of src/store/store.ts. docs/proof.md says what spin proves with it; scripts/model.ts has spin do it.
 *
 * There is no clock. What takes time takes any time at all, and a lease runs out when the world says so: at any moment
 * if nobody leads by it any more, and PAUSES times although somebody does. A fetch gives the version of the source, so
 * that an old value can be told from a new one.
 *
 * The script sets the words in capitals: sizes, and, in models that spin must refute, what is broken.
 */

#define TRIES 2 /* 1 + takeovers */

mtype:request = { acquire, fill, release };
mtype:answer = { hit, leader, follower, ended };
mtype:outcome = { failed, uncached, cancelled };

/* The store: a value, the owner of the live lease, and how the last lease ended that stored nothing. 0 is none. */
byte entry, lease, last;
mtype:outcome how;

/* Its watches: which stand, and which have been told something since. */
bool watching[N], pushed[N];

/* Requests that nobody waits for any more: each is carried out at any later time, in any order, or never. */
chan wire = [2 * TROUBLES + 1] of { mtype:request, byte, byte };

/* The version of the source, and the one that the last delete or set made the cache know. */
byte source = 1, known = 1;

/* How often things may still go wrong. */
byte changes = CHANGES, troubles = TROUBLES, pauses = PAUSES, crashes = CRASHES;

/* The processes: as which owner each asks, for which lease it waits, and whether that one ran out meanwhile. */
byte owner[N], waitsFor[N];
bool ranOut[N];

/* Who leads as far as it knows, whose lease is over nevertheless, who has ended or crashed, and how many have not. */
bool leads[N], over[N], gone[N];
byte running = N;

/* Scratch, of use within one step only. */
hidden mtype:answer reply;
hidden byte after;

/* Owners have random names. Here they are numbers, a new one whenever a process contends anew. */
#define processOf(who) ((who + N - 1) % N)
#define led(who) (leads[processOf(who)] && owner[processOf(who)] == who)
#define loses(who) over[processOf(who)] = over[processOf(who)] || led(who)

#ifdef NO_RECHECK
#define found false
#else
#define found entry
#endif
#ifdef UNFENCED_FILL
#define mayFill(who) true
#else
#define mayFill(who) (lease == who)
#endif
#ifdef UNFENCED_RELEASE
#define mayRelease(who) true
#else
#define mayRelease(who) (lease == who)
#endif

inline push() {
	for (i : 0 .. N - 1) { pushed[i] = pushed[i] || watching[i] }
	i = 0
}

/* What the store does, in one step. `detail` is the lease that was waited for, the value, or the outcome. */
inline perform(request, who, detail) {
	after = false;
	if
	:: request == acquire ->
		after = (detail && detail == last && how == failed);
		if
		:: found -> reply = hit
		:: !found && lease == who -> reply = leader
		:: !found && lease != who && detail && detail == last && how == uncached -> reply = ended
		:: else ->
			if
			:: lease -> reply = follower
			:: else -> lease = who; reply = leader
			fi
		fi
	:: request == fill ->
		if
		:: mayFill(who) ->
			assert(!over[processOf(who)]); /* fenced */
			loses(who);
			entry = detail; lease = 0; last = 0; how = 0;
			push()
		:: else
		fi
	:: request == release ->
		if
		:: mayRelease(who) ->
			loses(who);
			lease = 0;
			if
			:: detail == cancelled
			:: else -> last = who; how = detail
			fi;
			push()
		:: else
		fi
	fi
}

/* It is done, but the answer is lost, and the client asks again. */
inline loseAnswer(request, who, detail) {
	troubles--;
	d_step { perform(request, who, detail) }
}

/* There is no answer: the request is lost, or still under way. */
inline loseRequest(request, who, detail) {
	troubles--;
	wire ! request, who, detail
}

/* One failed fetch more that this process made or learned of. */
inline countFailure() {
	failures++;
#ifdef UNCOUNTED_FAILURE
	if
	:: waitsFor[_pid]
	:: else -> tries--
	fi
#else
	tries--
#endif
}

inline forget(process) {
	running--;
	owner[process] = 0;
	waitsFor[process] = 0;
	ranOut[process] = false;
	watching[process] = false;
	pushed[process] = false;
	leads[process] = false;
	over[process] = false;
	gone[process] = true
}

/* Ends the process: its body is left as soon as it is gone. */
inline quit() {
	tries = 0; failures = 0; value = 0; outcome = 0; answer = 0;
	forget(_pid)
}

active [N] proctype process() {
	byte tries = TRIES, failures, value, i;
	mtype:outcome outcome;
	mtype:answer answer;
	{
		/* The first look is an ordinary read. */
		atomic {
			if
			:: entry -> quit()
			:: else -> owner[_pid] = _pid + 1
			fi
		}

look:
		do
		:: atomic { troubles -> loseAnswer(acquire, owner[_pid], waitsFor[_pid]) }
		:: atomic {
			troubles -> loseRequest(acquire, owner[_pid], waitsFor[_pid]);
			wire ! release, owner[_pid], cancelled;
			quit()
		}
		:: atomic {
			d_step {
				perform(acquire, owner[_pid], waitsFor[_pid]);
				answer = reply;
				if
				:: after && (answer == leader || answer == follower) -> countFailure()
				:: else
				fi;
				waitsFor[_pid] = (answer == follower -> lease : 0);
				ranOut[_pid] = false;
				watching[_pid] = watching[_pid] && answer == follower;
				pushed[_pid] = pushed[_pid] && answer == follower;
				leads[_pid] = (answer == leader);
				over[_pid] = false
			}
			if
			:: answer == hit -> quit()
			:: answer == ended -> goto fallBack
			:: answer == leader && tries ->
				assert(!entry); /* no second fetch after a fill */
				assert(failures < TRIES); /* bounded failure */
				value = source;
				goto fetch
			:: answer == leader && !tries -> outcome = cancelled; goto letGo
			:: answer == follower && tries -> goto follow
			:: answer == follower && !tries -> quit()
			fi
		}
		od;

follow:
		/* It sleeps until the push, or the end of the lease. That the watch stands is its first push. */
		do
		:: atomic {
			!watching[_pid] -> watching[_pid] = true;
#ifndef LATE_WATCH
			goto look
#endif
		}
		:: atomic { (watching[_pid] && pushed[_pid]) || ranOut[_pid] -> pushed[_pid] = false; goto look }
#ifdef PUSH_LOST
		/* Pushes may not come: it looks again when its pause ends, and falls back when its patience does. */
		:: goto look
		:: goto fallBack
#endif
		od;

fetch:
		/* How it ends. By then a renewal may have said that the lease is lost. */
		atomic {
			if
			:: lease != owner[_pid] -> leads[_pid] = false
			:: true
			fi;
			if
			:: goto store
			:: outcome = failed; countFailure()
			:: outcome = uncached
			:: outcome = cancelled
			fi;
			value = 0
		}

letGo:
#ifdef FORGOTTEN_RELEASE
		leads[_pid] = leads[_pid] && outcome != cancelled;
#endif
		do
		:: atomic { leads[_pid] && troubles -> loseAnswer(release, owner[_pid], outcome) }
		:: atomic { leads[_pid] && troubles -> loseRequest(release, owner[_pid], outcome); goto again }
		:: atomic { leads[_pid] -> d_step { perform(release, owner[_pid], outcome) }; goto again }
		:: atomic {
			!leads[_pid] ->
again:
			leads[_pid] = false;
			over[_pid] = false;
			if
			:: outcome == failed && tries -> outcome = 0; owner[_pid] = owner[_pid] + N; goto look
			:: else -> quit()
			fi
		}
		od;

store:
		do
		:: atomic { leads[_pid] && troubles -> loseAnswer(fill, owner[_pid], value) }
		:: atomic {
			leads[_pid] && troubles -> loseRequest(fill, owner[_pid], value);
			wire ! release, owner[_pid], cancelled;
			quit()
		}
		:: atomic { leads[_pid] -> d_step { perform(fill, owner[_pid], value) }; quit() }
		:: atomic { !leads[_pid] -> quit() }
		od;

fallBack:
		/* Fetches of its own, without a lease. */
		atomic {
			assert(failures < TRIES);
			if
			:: quit()
			:: countFailure()
			fi;
			if
			:: tries -> goto fallBack
			:: else -> quit()
			fi
		}
	} unless { gone[_pid] }
}

/* The lease and all that is remembered of others are no more. */
inline endLease() {
	if
	:: lease -> loses(lease); lease = 0
	:: else
	fi;
	last = 0; how = 0
}

inline runOut() {
	for (i : 0 .. N - 1) { ranOut[i] = ranOut[i] || waitsFor[i] == lease }
	i = 0;
	endLease()
}

/* A delete, or a set. */
inline change(value) {
	entry = value;
#ifndef DELETE_KEEPS_LEASE
	endLease();
#endif
	known = source;
	push()
}

active proctype world() {
	byte i, whose, what;
end:
	do
	:: d_step { lease && !led(lease) -> runOut() }
	:: d_step { lease && led(lease) && pauses -> pauses--; runOut() }
	:: d_step { !lease && last -> last = 0; how = 0 }

	/* The source changes; then whoever changed it deletes the key, or sets it. */
	:: atomic { changes -> changes--; source++ }
		if
		:: d_step { change(0) }
		:: d_step { change(source) }
		fi

	:: atomic {
		crashes -> crashes--;
		select (i : 0 .. N - 1);
		if
		:: !gone[i] -> forget(i)
		:: else
		fi;
		i = 0
	}

	/* A request arrives late, or is lost. */
	:: atomic { wire ?? acquire, whose, what -> d_step { perform(acquire, whose, what); whose = 0; what = 0 } }
	:: atomic { wire ?? fill, whose, what -> d_step { perform(fill, whose, what); whose = 0; what = 0 } }
	:: atomic { wire ?? release, whose, what -> d_step { perform(release, whose, what); whose = 0; what = 0 } }
	:: wire ? _, _, _
	od
}

#define healthy(process) (leads[process] && !over[process])
#if N == 2
#define healthyLeaders (healthy(0) + healthy(1))
#else
#define healthyLeaders (healthy(0) + healthy(1) + healthy(2))
#endif
#define oneHealthyLeader (healthyLeaders <= 1)
#define noOldValue (!entry || entry >= known)
#define noLeaseLeftBehind (!lease || led(lease) || troubles < TROUBLES || crashes < CRASHES)

ltl one_healthy_leader { [] oneHealthyLeader }
ltl no_old_value { [] noOldValue }
ltl no_lease_left_behind { [] noLeaseLeftBehind }
ltl safe { [] (oneHealthyLeader && noOldValue && noLeaseLeftBehind) }
ltl everybody_ends { <> (running == 0) }
