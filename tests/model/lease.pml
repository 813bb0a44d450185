/*
 * The protocol of one key: N processes, as src/engine/{get_or_set,lead,follow}.ts drive them, over one store that keeps
 * the contract of src/store/store.ts. docs/proof.md says what spin proves with it; scripts/model.ts has spin do it.
 *
 * There is no clock. What takes time takes any time at all, and a lease runs out when the world says so: at any moment
 * if nobody leads by it any more, and PAUSES times although somebody does. A fetch gives the version of the source, so
 * that an old value can be told from a new one.
 *
 * With STALE an entry grows old: it is young, then still fresh but due to be refreshed early, then stale, then gone, and
 * somebody may make it stale at once. Who finds it due or stale has it, and may refresh it for all. Others have set no such
 * thing, and fetch what is stale as if it were gone.
 *
 * With CUTS the store can tell which process is there. A leader may be announced; then it is dead for the store if its
 * process was found gone, and is found gone once more when the grace has passed. A process that is cut off goes on, and is
 * announced again when its connection is back.
 *
 * The script sets the words in capitals: sizes, and, in models that spin must refute, what is broken.
 */

#define TRIES 2 /* 1 + takeovers */

mtype:request = { acquire, fill, release };
mtype:answer = { hit, leader, follower, ended };
mtype:outcome = { failed, uncached, cancelled };
#ifdef STALE
/* What asks for a lease to refresh what is stale, or what is due; and how a refresh fails, so that all are quiet. */
mtype:request = { refresh, refreshEarly };
mtype:answer = { quiet };
mtype:outcome = { failedRefresh };
mtype:age = { young, due, stale };
#endif

/* The store: a value, the owner of the live lease, and how the last lease ended that stored nothing. 0 is none. */
byte lease, last;
mtype:outcome how;
#ifdef STALE
byte entry = 1;
mtype:age age = young;
/* Whether nobody is to refresh yet, as a refresh has failed. */
bool isQuiet;
#else
byte entry;
#endif

#ifdef CUTS
/* Whether the owner of the lease was announced; whether it was found gone since, 1, and the grace has passed since, 2. */
bool announced;
byte missing;

/* Which process is cut off, if it isn't 0, and whether for less than the grace, 1, or for longer, 2. */
byte cutOff, cutFor, cuts = CUTS;
#define isAbsent(process) (gone[process] || cutOff == process + 1)
#define unannounce() announced = false; missing = 0
#else
#define unannounce() skip
#endif

/* Its watches: which stand, and which have been told something since. */
bool watching[N], pushed[N];

/* Requests that nobody waits for any more: each is carried out at any later time, in any order, or never. */
chan wire = [2 * TROUBLES + 1] of { mtype:request, byte, byte };

/* The version of the source, and the one that the last delete or set made the cache know. */
byte source = 1, known = 1;

#ifdef STALE
/* The version that the last such thing, or the last that made the entry stale, lets be fresh. */
byte fresh = 1;
#endif

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
#ifdef STALE
hidden byte wasQuiet;
#endif

/* Owners have random names. Here they are numbers, a new one whenever a process contends anew. */
#define processOf(who) ((who + N - 1) % N)
#define led(who) (leads[processOf(who)] && owner[processOf(who)] == who)
#define loses(who) over[processOf(who)] = over[processOf(who)] || led(who)

#ifdef STALE
#ifdef EARLY_TWICE
#define isFresh(request) (entry && age != stale && request != refreshEarly)
#else
#define isFresh(request) (entry && (age == young || (age == due && request != refreshEarly)))
#endif
#ifdef UNHEARD_FAILURE
#define hushes(request) false
#else
#define hushes(request) (isQuiet && request != acquire)
#endif
#define asksForLease(request) (request == acquire || request == refresh || request == refreshEarly)
#else
#define isFresh(request) entry
#define hushes(request) false
#define asksForLease(request) (request == acquire)
#endif
#ifdef NO_RECHECK
#define found(request) false
#else
#define found(request) isFresh(request)
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

/* Who waits for this lease knows its time, and looks when that is over, whoever has the lease by then. */
inline outlive() {
	for (i : 0 .. N - 1) { ranOut[i] = ranOut[i] || waitsFor[i] == lease }
	i = 0
}

/* What the store does, in one step. `detail` is the lease that was waited for, the value, or the outcome. */
inline perform(request, who, detail) {
	after = false;
	if
	:: asksForLease(request) ->
		after = (detail && detail == last && how == failed);
#ifdef STALE
		wasQuiet = isQuiet;
#endif
		if
		:: found(request) -> reply = hit
		:: !found(request) && lease == who -> reply = leader
		:: !found(request) && lease != who && detail && detail == last && how == uncached -> reply = ended
		:: else ->
			if
#ifdef CUTS
			:: lease && announced && isAbsent(processOf(lease)) && missing == 2 ->
				assert(gone[processOf(lease)] || cutFor == 2); /* only who is gone for the grace is replaced */
				loses(lease); unannounce();
				outlive();
				lease = who; reply = leader
			:: lease && announced && isAbsent(processOf(lease)) && missing < 2 -> missing = 1; reply = follower
			:: lease && !(announced && isAbsent(processOf(lease))) -> missing = 0; reply = follower
#else
			:: lease -> reply = follower
#endif
#ifdef STALE
			:: !lease && hushes(request) -> reply = quiet
			:: !lease && !hushes(request) -> lease = who; reply = leader; isQuiet = false
#else
			:: else -> lease = who; reply = leader
#endif
			fi
		fi
	:: request == fill ->
		if
		:: mayFill(who) ->
			assert(!over[processOf(who)]); /* fenced */
			loses(who);
			entry = detail; lease = 0; last = 0; how = 0;
			unannounce();
#ifdef STALE
			age = young;
#endif
			push()
		:: else
		fi
	:: request == release ->
		if
		:: mayRelease(who) ->
			loses(who);
			lease = 0;
			unannounce();
			if
			:: detail == cancelled
#ifdef STALE
			:: detail == failedRefresh -> last = who; how = failed; isQuiet = true
			:: detail != cancelled && detail != failedRefresh -> last = who; how = detail
#else
			:: else -> last = who; how = detail
#endif
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
#ifdef CUTS
	cutFor = (cutOff == process + 1 -> 0 : cutFor);
	cutOff = (cutOff == process + 1 -> 0 : cutOff);
#endif
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
	tries = 0; failures = 0; value = 0; outcome = 0; answer = 0; asks = 0;
	forget(_pid)
}

active [N] proctype process() {
	byte tries = TRIES, failures, value, i;
	mtype:outcome outcome;
	mtype:answer answer;
	mtype:request asks = acquire;
	{
		/* The first look is an ordinary read. */
		atomic {
			if
#ifdef STALE
			:: entry && age != stale -> quit()
			:: entry && age == due -> asks = refreshEarly
			:: entry && age == stale -> asks = refresh
			:: !entry || age == stale
#else
			:: entry -> quit()
			:: else
#endif
			fi;
			if
			:: gone[_pid]
			:: else -> owner[_pid] = _pid + 1
			fi
		}

look:
		do
		:: atomic { troubles -> loseAnswer(asks, owner[_pid], waitsFor[_pid]) }
		:: atomic {
			troubles -> loseRequest(asks, owner[_pid], waitsFor[_pid]);
			wire ! release, owner[_pid], cancelled;
			quit()
		}
		:: atomic {
			d_step {
				perform(asks, owner[_pid], waitsFor[_pid]);
				answer = reply;
#ifdef STALE
				/* Who refreshes doesn't wait for another. */
				answer = ((asks != acquire && answer == follower) -> quiet : answer);
#endif
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
#ifdef STALE
			:: answer == quiet -> quit()
#endif
			:: answer == ended -> goto fallBack
			:: answer == leader && tries ->
#ifdef STALE
				assert(!entry || age == stale || (age == due && asks == refreshEarly)); /* no second fetch, or refresh */
				assert(!(wasQuiet && asks != acquire)); /* quiet after a failed refresh */
#else
				assert(!entry); /* no second fetch after a fill */
#endif
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
#ifdef CUTS
		/* It looks often. Only looks that find something else change anything. */
		:: atomic {
			lease == waitsFor[_pid] && announced && isAbsent(processOf(lease)) && missing != 1 -> goto look
		}
#endif
#ifdef PUSH_LOST
		/* Pushes may not come: it looks again when its pause ends, and falls back when its patience does. */
		:: goto look
		:: goto fallBack
#endif
		od;

fetch:
#ifdef CUTS
		/* One that takes long announces who leads. */
		if
		:: atomic { lease == owner[_pid] && cutOff != _pid + 1 -> announced = true; missing = 0 }
		:: true
		fi;
#endif
		/* How it ends. By then a renewal may have said that the lease is lost. */
		atomic {
			if
			:: lease != owner[_pid] -> leads[_pid] = false
			:: true
			fi;
			if
			:: goto store
#ifdef STALE
			:: asks != acquire -> outcome = failedRefresh
			:: asks == acquire -> outcome = failed; countFailure()
#else
			:: outcome = failed; countFailure()
#endif
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
	:: lease -> loses(lease); lease = 0; unannounce()
	:: else
	fi;
	last = 0; how = 0
}

inline runOut() {
	outlive();
	endLease()
}

/* A delete, or a set. */
inline change(value) {
	entry = value;
#ifndef DELETE_KEEPS_LEASE
	endLease();
#endif
	known = source;
#ifdef STALE
	age = (value -> young : 0);
	isQuiet = false;
	fresh = source;
#endif
	push()
}

#ifdef STALE
/* Makes the entry stale, whatever it is now. */
inline expire() {
	age = (entry -> stale : 0);
#ifndef EXPIRE_KEEPS_LEASE
	endLease();
#endif
	isQuiet = false;
	fresh = source;
	push()
}
#endif

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
#ifdef STALE
		:: d_step { expire() }
#endif
		fi

#ifdef STALE
	/* Time passes. */
	:: d_step { entry && age == young -> age = due }
	:: d_step { entry && age == due -> age = stale }
	:: d_step { entry && age == stale -> entry = 0; age = 0 }
	:: d_step { isQuiet -> isQuiet = false }
	:: atomic { wire ?? refresh, whose, what -> d_step { perform(refresh, whose, what); whose = 0; what = 0 } }
	:: atomic { wire ?? refreshEarly, whose, what -> d_step { perform(refreshEarly, whose, what); whose = 0; what = 0 } }
#endif

#ifdef CUTS
	/* A leader's connection is cut, and may be back, or the grace passes. */
	:: d_step { cuts && lease && led(lease) && !cutOff -> cuts--; cutOff = processOf(lease) + 1; cutFor = 1 }
	:: d_step {
		cutOff ->
#ifndef UNHEARD_RETURN
		missing = (lease && processOf(lease) + 1 == cutOff -> 0 : missing);
#endif
		cutOff = 0; cutFor = 0
	}
	:: d_step { cutFor == 1 || missing == 1 -> cutFor = (cutFor -> 2 : 0); missing = (missing -> 2 : 0) }
#endif

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
#ifdef STALE
#define noOldValue (!entry || (entry >= known && (age == stale || entry >= fresh)))
#else
#define noOldValue (!entry || entry >= known)
#endif
#define noLeaseLeftBehind (!lease || led(lease) || troubles < TROUBLES || crashes < CRASHES)

ltl one_healthy_leader { [] oneHealthyLeader }
ltl no_old_value { [] noOldValue }
ltl no_lease_left_behind { [] noLeaseLeftBehind }
ltl safe { [] (oneHealthyLeader && noOldValue && noLeaseLeftBehind) }
ltl everybody_ends { <> (running == 0) }
